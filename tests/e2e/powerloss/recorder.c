/* Records what a program does to the files below one folder, as a library that is loaded before libc.
 *
 *   POWERLOSS_VOLUME   the folder: stands for a disk
 *   POWERLOSS_LOG      the file that the records are appended to; outside of the folder
 *   POWERLOSS_EXCEPT   paths relative to the folder, separated by ':', that are not durable by design
 *   POWERLOSS_SLOW_MS  how long the sync of a directory is delayed, as on a busy disk; every fourth of a file is, too,
 *                      for a part of that
 *   POWERLOSS_DIE_AT   the number of the sync at which the program is killed, before it is made
 *
 * Each change is made and recorded under one lock (flock on the log, so that it holds between processes too): the
 * order of the records is the order of the changes. A sync is two records, one before the call and one after it
 * returned, and is not under the lock: what was written meanwhile may or may not be covered by it. The file is opened
 * anew for each record, so that there is no descriptor that the program could close or hand on.
 *
 * System calls that a program makes by itself, without libc, are not seen. The judge compares what the records give
 * with the real folder at the end, which finds them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_MAX 48

enum kind {
    CREATE = 'C',
    MAKE_DIRECTORY = 'D',
    LINK_SYMBOLIC = 'L',
    RENAME = 'R',
    UNLINK = 'U',
    REMOVE_DIRECTORY = 'X',
    WRITE = 'W',
    TRUNCATE = 'T',
    ALLOCATE = 'A',
    SYNC_BEGIN = 'S',
    SYNC_END = 'E',
    NOT_RECORDABLE = 'N',
};

/* One record: this, then path, other path and data. `number` is an offset, a size, or the thread of a sync. */
struct header {
    uint32_t size, kind;
    uint64_t inode, number;
    uint32_t path_bytes, other_bytes, data_bytes, unused;
};

struct place {
    uint64_t inode;
    int is_directory;
    char path[PATH_MAX];
};

static char volume[PATH_MAX], exceptions[PATH_MAX];
static const char *log_path;
static size_t volume_bytes;
static unsigned slow_ms, die_at;

__attribute__((constructor)) static void begin_recording(void) {
    const char *folder = getenv("POWERLOSS_VOLUME"), *except = getenv("POWERLOSS_EXCEPT");
    const char *slow = getenv("POWERLOSS_SLOW_MS"), *die = getenv("POWERLOSS_DIE_AT");
    void *frames[2];
    log_path = getenv("POWERLOSS_LOG");
    if (folder == NULL || log_path == NULL || realpath(folder, volume) == NULL) {
        log_path = NULL;
        return;
    }
    volume_bytes = strlen(volume);
    slow_ms = slow == NULL ? 0 : atoi(slow);
    die_at = die == NULL ? 0 : atoi(die);
    snprintf(exceptions, sizeof exceptions, "%s", except == NULL ? "" : except);
    backtrace(frames, 2); /* loads what it needs now rather than inside of a sync */
}

/* --- Where things are ------------------------------------------------------------------------------------------ */

static int is_excepted(const char *relative) {
    for (const char *one = exceptions; *one != 0;) {
        size_t bytes = strcspn(one, ":");
        if (strncmp(relative, one, bytes) == 0 && (relative[bytes] == '/' || relative[bytes] == 0)) return 1;
        one += bytes + (one[bytes] == ':');
    }
    return 0;
}

/* The path relative to the folder, or NULL for what does not concern us. "" is the folder itself. */
static const char *inside(const char *absolute) {
    if (log_path == NULL || strncmp(absolute, volume, volume_bytes) != 0) return NULL;
    const char *relative = absolute + volume_bytes;
    if (*relative == 0) return relative;
    if (*relative != '/' || is_excepted(relative + 1)) return NULL;
    return relative + 1;
}

/* Whether a descriptor is a file or directory of the folder. */
static int is_tracked(int fd, struct place *place) {
    char link[64];
    struct stat status;
    if (log_path == NULL || fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, place->path, sizeof place->path - 1);
    if (bytes <= 0) return 0;
    place->path[bytes] = 0;
    place->inode = status.st_ino;
    place->is_directory = S_ISDIR(status.st_mode);
    return inside(place->path) != NULL;
}

/* The absolute path of a name that need not exist: its folder resolved, its last part as it is. */
static int resolve(int folder, const char *name, char *absolute) {
    char start[PATH_MAX], whole[PATH_MAX * 2], link[64];
    if (log_path == NULL || name == NULL) return 0;
    if (name[0] == '/') {
        snprintf(whole, sizeof whole, "%s", name);
    } else {
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t bytes = readlink(link, start, sizeof start - 1);
        if (bytes <= 0) return 0;
        start[bytes] = 0;
        snprintf(whole, sizeof whole, "%s/%s", start, name);
    }
    size_t end = strlen(whole);
    while (end > 1 && whole[end - 1] == '/') whole[--end] = 0;
    char *last = strrchr(whole, '/'), parent[PATH_MAX];
    if (last == NULL || last[1] == 0) return 0;
    *last = 0;
    if (realpath(whole[0] == 0 ? "/" : whole, parent) == NULL) return 0;
    int bytes = snprintf(absolute, PATH_MAX, "%s/%s", parent, last + 1);
    return bytes < PATH_MAX && inside(absolute) != NULL;
}

static uint64_t inode_at(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_ino : 0;
}

/* --- The log --------------------------------------------------------------------------------------------------- */

static int lock_log(void) {
    int log = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    while (flock(log, LOCK_EX) != 0 && errno == EINTR) {}
    return log;
}

static void unlock_log(int log) {
    int error = errno;
    syscall(SYS_close, log);
    errno = error;
}

static void append(int log, enum kind kind, uint64_t inode, uint64_t number, const char *path, const char *other,
                   const void *data, size_t bytes) {
    int error = errno;
    const char *relative = inside(path), *second = other == NULL ? "" : other;
    struct header header = {
        .kind = kind, .inode = inode, .number = number, .path_bytes = strlen(relative),
        .other_bytes = strlen(second), .data_bytes = bytes,
    };
    header.size = sizeof header + header.path_bytes + header.other_bytes + header.data_bytes;
    struct iovec parts[] = {
        {&header, sizeof header}, {(void *)relative, header.path_bytes}, {(void *)second, header.other_bytes},
        {(void *)data, bytes},
    };
    if (syscall(SYS_writev, log, parts, 4) != header.size) abort();
    errno = error;
}

/* --- Files opened, written, cut -------------------------------------------------------------------------------- */

static int open_recorded(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int changes = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!changes || !resolve(folder, name, path)) return syscall(SYS_openat, folder, name, flags, mode);
    int log = lock_log();
    struct stat before, after;
    int existed = fstatat(folder, name, &before, 0) == 0;
    int fd = syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && fstat(fd, &after) == 0 && S_ISREG(after.st_mode)) {
        if (!existed) append(log, CREATE, after.st_ino, after.st_mode & 07777, path, NULL, NULL, 0);
        else if (flags & O_TRUNC && before.st_size > 0) append(log, TRUNCATE, after.st_ino, 0, path, NULL, NULL, 0);
    }
    unlock_log(log);
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                    \
    int name(const char *path, int flags, ...) {                      \
        va_list arguments;                                            \
        va_start(arguments, flags);                                   \
        mode_t mode = mode_of(flags, arguments);                      \
        va_end(arguments);                                            \
        return open_recorded(AT_FDCWD, path, flags, mode);            \
    }
#define OPENAT(name)                                                  \
    int name(int folder, const char *path, int flags, ...) {          \
        va_list arguments;                                            \
        va_start(arguments, flags);                                   \
        mode_t mode = mode_of(flags, arguments);                      \
        va_end(arguments);                                            \
        return open_recorded(folder, path, flags, mode);              \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int creat(const char *path, mode_t mode) { return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* A write at `offset`, or where the descriptor stands when that is -1. */
static ssize_t write_recorded(int fd, const struct iovec *parts, int count, off_t offset) {
    struct place place;
    int at_position = offset == -1;
    if (!is_tracked(fd, &place)) {
        return at_position ? syscall(SYS_writev, fd, parts, count) : pwritev(fd, parts, count, offset);
    }
    int log = lock_log();
    struct stat status;
    if (fcntl(fd, F_GETFL) & O_APPEND) offset = fstat(fd, &status) == 0 ? status.st_size : 0;
    else if (at_position) offset = lseek(fd, 0, SEEK_CUR);
    size_t whole = 0, filled = 0;
    for (int i = 0; i < count; i++) whole += parts[i].iov_len;
    char *data = malloc(whole + 1);
    for (int i = 0; i < count; filled += parts[i++].iov_len) memcpy(data + filled, parts[i].iov_base, parts[i].iov_len);
    ssize_t written = at_position ? syscall(SYS_write, fd, data, whole) : syscall(SYS_pwrite64, fd, data, whole, offset);
    if (written > 0) append(log, WRITE, place.inode, offset, place.path, NULL, data, written);
    free(data);
    unlock_log(log);
    return written;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    struct iovec part = {(void *)data, bytes};
    struct place place;
    if (!is_tracked(fd, &place)) return syscall(SYS_write, fd, data, bytes);
    return write_recorded(fd, &part, 1, -1);
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
    struct iovec part = {(void *)data, bytes};
    struct place place;
    if (!is_tracked(fd, &place)) return syscall(SYS_pwrite64, fd, data, bytes, offset);
    return write_recorded(fd, &part, 1, offset);
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) { return pwrite64(fd, data, bytes, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_recorded(fd, parts, count, -1); }

/* Vectors at an offset and copies inside of the kernel: nobody here uses them; whoever begins to must record them. */
static void refuse(int fd, const char *what) {
    struct place place;
    if (!is_tracked(fd, &place)) return;
    int log = lock_log();
    append(log, NOT_RECORDABLE, place.inode, 0, place.path, what, NULL, 0);
    unlock_log(log);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    refuse(fd, "pwritev");
    return syscall(SYS_pwritev, fd, parts, count, offset, 0);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    refuse(fd, "pwritev2");
    return syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t bytes, unsigned flags) {
    refuse(out, "copy_file_range");
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, bytes, flags);
}
ssize_t sendfile(int out, int in, off_t *at, size_t bytes) {
    refuse(out, "sendfile");
    return syscall(SYS_sendfile, out, in, at, bytes);
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t bytes) { return sendfile(out, in, at, bytes); }
ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t bytes, unsigned flags) {
    refuse(out, "splice");
    return syscall(SYS_splice, in, in_at, out, out_at, bytes, flags);
}
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 && (flags & MAP_TYPE) != MAP_PRIVATE && protection & PROT_WRITE) refuse(fd, "mmap");
    return (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, bytes, protection, flags, fd, offset);
}

int ftruncate(int fd, off_t size) {
    struct place place;
    if (!is_tracked(fd, &place)) return syscall(SYS_ftruncate, fd, size);
    int log = lock_log(), result = syscall(SYS_ftruncate, fd, size);
    if (result == 0) append(log, TRUNCATE, place.inode, size, place.path, NULL, NULL, 0);
    unlock_log(log);
    return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
int truncate(const char *name, off_t size) {
    char path[PATH_MAX];
    if (!resolve(AT_FDCWD, name, path)) return syscall(SYS_truncate, name, size);
    int log = lock_log(), result = syscall(SYS_truncate, name, size);
    if (result == 0) append(log, TRUNCATE, inode_at(path), size, path, NULL, NULL, 0);
    unlock_log(log);
    return result;
}
int truncate64(const char *name, off64_t size) { return truncate(name, size); }
int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    struct place place;
    if (!is_tracked(fd, &place)) return syscall(SYS_fallocate, fd, mode, offset, bytes);
    int log = lock_log(), result = syscall(SYS_fallocate, fd, mode, offset, bytes);
    if (result == 0 && mode == 0) append(log, ALLOCATE, place.inode, offset + bytes, place.path, NULL, NULL, 0);
    else if (result == 0) append(log, NOT_RECORDABLE, place.inode, 0, place.path, "fallocate", NULL, 0);
    unlock_log(log);
    return result;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) { return fallocate(fd, mode, offset, bytes); }
int posix_fallocate(int fd, off_t offset, off_t bytes) { return fallocate(fd, 0, offset, bytes) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t offset, off64_t bytes) { return posix_fallocate(fd, offset, bytes); }

/* --- Directories ----------------------------------------------------------------------------------------------- */

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    if (!resolve(folder, name, path)) return syscall(SYS_mkdirat, folder, name, mode);
    int log = lock_log(), result = syscall(SYS_mkdirat, folder, name, mode);
    if (result == 0) append(log, MAKE_DIRECTORY, inode_at(path), mode, path, NULL, NULL, 0);
    unlock_log(log);
    return result;
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    if (!resolve(folder, name, path)) return syscall(SYS_unlinkat, folder, name, flags);
    int log = lock_log(), result = syscall(SYS_unlinkat, folder, name, flags);
    enum kind kind = flags & AT_REMOVEDIR ? REMOVE_DIRECTORY : UNLINK;
    if (result == 0) append(log, kind, 0, 0, path, NULL, NULL, 0);
    unlock_log(log);
    return result;
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char *name) {
    int result = unlink(name);
    return result != 0 && errno == EISDIR ? rmdir(name) : result;
}

int renameat2(int old_folder, const char *old, int new_folder, const char *new, unsigned flags) {
    char from[PATH_MAX], to[PATH_MAX];
    int leaves = resolve(old_folder, old, from), arrives = resolve(new_folder, new, to);
    if (!leaves && !arrives) return syscall(SYS_renameat2, old_folder, old, new_folder, new, flags);
    int log = lock_log(), result = syscall(SYS_renameat2, old_folder, old, new_folder, new, flags);
    int plain = leaves && arrives && (flags & ~RENAME_NOREPLACE) == 0;
    if (result == 0 && plain) append(log, RENAME, 0, 0, from, inside(to), NULL, 0);
    else if (result == 0) append(log, NOT_RECORDABLE, 0, 0, leaves ? from : to, "rename", NULL, 0);
    unlock_log(log);
    return result;
}
int renameat(int old_folder, const char *old, int new_folder, const char *new) {
    return renameat2(old_folder, old, new_folder, new, 0);
}
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

int symlinkat(const char *target, int folder, const char *name) {
    char path[PATH_MAX];
    if (!resolve(folder, name, path)) return syscall(SYS_symlinkat, target, folder, name);
    int log = lock_log(), result = syscall(SYS_symlinkat, target, folder, name);
    if (result == 0) append(log, LINK_SYMBOLIC, inode_at(path), 0, path, target, NULL, 0);
    unlock_log(log);
    return result;
}
int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }

int linkat(int old_folder, const char *old, int new_folder, const char *new, int flags) {
    char to[PATH_MAX];
    if (!resolve(new_folder, new, to)) return syscall(SYS_linkat, old_folder, old, new_folder, new, flags);
    int log = lock_log(), result = syscall(SYS_linkat, old_folder, old, new_folder, new, flags);
    if (result == 0) append(log, NOT_RECORDABLE, 0, 0, to, "link", NULL, 0);
    unlock_log(log);
    return result;
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

/* --- Syncs ----------------------------------------------------------------------------------------------------- */

/* Who syncs: return addresses relative to the program, so that they are the same in every run. */
static size_t frames_of_program(uint64_t *addresses) {
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    size_t kept = 0;
    static void *base;
    for (int i = 0; i < count; i++) {
        Dl_info info;
        if (dladdr(frames[i], &info) == 0) continue;
        if (base == NULL) {
            char program[PATH_MAX], object[PATH_MAX];
            if (realpath("/proc/self/exe", program) == NULL || realpath(info.dli_fname, object) == NULL) continue;
            if (strcmp(program, object) != 0) continue;
            base = info.dli_fbase;
        }
        if (info.dli_fbase == base) addresses[kept++] = (char *)frames[i] - (char *)base;
    }
    return kept;
}

static int sync_recorded(int fd, long number) {
    struct place place;
    if (!is_tracked(fd, &place)) return syscall(number, fd);
    static unsigned syncs;
    if (__atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST) == die_at) kill(getpid(), SIGKILL);
    uint64_t frames[FRAMES_MAX];
    size_t kept = frames_of_program(frames);
    pid_t thread = syscall(SYS_gettid);
    int log = lock_log();
    append(log, SYNC_BEGIN, place.inode, thread, place.path, NULL, frames, kept * sizeof *frames);
    unlock_log(log);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned chance = now.tv_nsec / 64;
    unsigned slow_us = slow_ms * 1000;
    if (slow_us > 0 && place.is_directory) usleep(slow_us);
    else if (slow_us > 0 && chance % 4 == 0) usleep(chance / 4 % slow_us);
    int result = syscall(number, fd);
    if (result != 0) return result;
    log = lock_log();
    append(log, SYNC_END, place.inode, thread, place.path, NULL, NULL, 0);
    unlock_log(log);
    return result;
}

int fsync(int fd) { return sync_recorded(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_recorded(fd, SYS_fdatasync); }
/* Promises nothing about what is on the disk afterwards, so that it is no record. */
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
    return syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}
