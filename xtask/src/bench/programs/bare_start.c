// How fast this machine starts a program in namespaces of its own: process, mounts, host name and IPC, a read-only root, /tmp and /proc.
//
// bare_start SCRATCH PAUSE PROGRAM [ARGUMENT...]
//
// Begins after a pause of so many microseconds, as what it stands beside does: a processor that has slept begins with cold caches.
// Prints microseconds from the fork until the program has sent its first bytes to the address in AWS_LAMBDA_RUNTIME_API, where
// this program listens. Nothing that only has to start, and no limit, log or network is there: nobody who isolates can be faster.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    _exit(1);
}

static long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static int listen_on(char *address, size_t size) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16)) die("listen");
    if (getsockname(listener, (struct sockaddr *)&at, &length)) die("getsockname");
    snprintf(address, size, "127.0.0.1:%d", ntohs(at.sin_port));
    return listener;
}

// Where a /tmp of its own is mounted: not over what is to be started.
static const char *hidden_folder(void) {
    char here[4096];
    return getcwd(here, sizeof here) && !strncmp(here, "/tmp/", 5) ? "mnt" : "tmp";
}

static void become(const char *scratch, char **arguments) {
    char tmp[4096], proc[4096];
    snprintf(tmp, sizeof tmp, "%s/%s", scratch, hidden_folder());
    snprintf(proc, sizeof proc, "%s/proc", scratch);
    if (sethostname("bare", 4)) die("sethostname");
    if (mount("", "/", NULL, MS_PRIVATE | MS_REC, NULL)) die("private");
    if (mount("/", scratch, NULL, MS_BIND | MS_REC, NULL)) die("bind");
    if (mount("", scratch, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL)) die("read-only");
    if (mount("tmpfs", tmp, "tmpfs", 0, "size=64m")) die("tmp");
    if (mount("proc", proc, "proc", 0, NULL)) die("proc");
    if (chdir(scratch) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/")) die("pivot_root");
    execv(arguments[0], arguments);
    die(arguments[0]);
}

static long start(int listener, const char *scratch, char **arguments) {
    long began = now_us();
    int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
    long child = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (child < 0) die("clone");
    if (child == 0) become(scratch, arguments);
    struct timeval limit = {.tv_sec = 30};
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int connection = accept(listener, NULL, NULL);
    char first;
    if (connection < 0 || recv(connection, &first, 1, 0) != 1) die("the program said nothing");
    long took = now_us() - began;
    kill((pid_t)child, SIGKILL);
    waitpid((pid_t)child, NULL, 0);
    close(connection);
    return took;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    char address[64];
    int listener = listen_on(address, sizeof address);
    setenv("AWS_LAMBDA_RUNTIME_API", address, 1);
    usleep(atoi(arguments[2]));
    printf("%ld\n", start(listener, arguments[1], arguments + 3));
    return 0;
}
