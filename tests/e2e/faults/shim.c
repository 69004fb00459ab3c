/* Faults for a program, as a library that is loaded before libc. The test decides when, in a file that both have mapped.
 *
 *   FAULTS_CONTROL   that file: a struct control
 *   FAULTS_FILES     what the path of a file has in it whose syncs and writes are to fail; all others are left alone
 *
 * Calls with a fault fail as if a disk had it: a sync with EIO, and what was written is not known to be anywhere; a write
 * with ENOSPC, and nothing is written; or it takes its time. The clock of the day is put forward or back; those that only count are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    _Atomic int64_t clock_seconds; /* what is added to the clock of the day */
    _Atomic int64_t syncs;         /* so many syncs fail, all where it is below zero */
    _Atomic int64_t writes;        /* the same of writes */
    _Atomic int64_t failed;        /* how many calls have failed */
    _Atomic int64_t slow_ms;       /* how long each write takes */
};

static struct control *control;
static const char *files;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    files = getenv("FAULTS_FILES");
    if (path == NULL) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) control = mapped;
}

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* --- Files ------------------------------------------------------------------------------------------------------- */

static int is_concerned(int fd) {
    char link[64], path[PATH_MAX];
    if (files == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, sizeof path - 1);
    if (bytes <= 0) return 0;
    path[bytes] = 0;
    return strstr(path, files) != NULL;
}

/* Whether this call is one of those that fail. */
static int fails(_Atomic int64_t *left, int fd) {
    int64_t now = atomic_load(left);
    if (now == 0 || !is_concerned(fd)) return 0;
    while (now > 0 && !atomic_compare_exchange_weak(left, &now, now - 1)) {
    }
    if (now == 0) return 0;
    atomic_fetch_add(&control->failed, 1);
    return 1;
}

#define SYNC(name)                                                                      \
    int name(int fd) {                                                                  \
        if (control != NULL && fails(&control->syncs, fd)) {                            \
            errno = EIO;                                                                \
            return -1;                                                                  \
        }                                                                               \
        return ((int (*)(int))real(#name))(fd);                                         \
    }

SYNC(fsync)
SYNC(fdatasync)

/* Whether a write is to fail; if not, it may be late. */
static int is_full(int fd) {
    if (control == NULL) return 0;
    if (fails(&control->writes, fd)) {
        errno = ENOSPC;
        return 1;
    }
    int64_t slow_ms = atomic_load(&control->slow_ms);
    if (slow_ms > 0 && is_concerned(fd)) {
        struct timespec wait = {slow_ms / 1000, slow_ms % 1000 * 1000000};
        nanosleep(&wait, NULL);
    }
    return 0;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    if (is_full(fd)) return -1;
    return ((ssize_t(*)(int, const void *, size_t))real("write"))(fd, data, bytes);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_full(fd)) return -1;
    return ((ssize_t(*)(int, const struct iovec *, int))real("writev"))(fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
    if (is_full(fd)) return -1;
    return ((ssize_t(*)(int, const void *, size_t, off_t))real("pwrite"))(fd, data, bytes, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
    if (is_full(fd)) return -1;
    return ((ssize_t(*)(int, const void *, size_t, off64_t))real("pwrite64"))(fd, data, bytes, at);
}

/* --- The clock --------------------------------------------------------------------------------------------------- */

static int64_t moved(void) {
    return control == NULL ? 0 : atomic_load(&control->clock_seconds);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = ((int (*)(clockid_t, struct timespec *))real("clock_gettime"))(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += moved();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = ((int (*)(struct timeval *, void *))real("gettimeofday"))(now, zone);
    if (result == 0) now->tv_sec += moved();
    return result;
}

time_t time(time_t *result) {
    time_t now = ((time_t(*)(time_t *))real("time"))(NULL) + moved();
    if (result != NULL) *result = now;
    return now;
}
