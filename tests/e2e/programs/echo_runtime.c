/* The smallest runtime: answers each event with itself over one connection that is kept open.
 * With the handler `sleep` it first sleeps as many seconds as the event says.
 * A static program, so that it runs where no interpreter is; used by the end-to-end tests and the benchmarks. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BUFFER_BYTES = 8 << 20, HEAD_BYTES = 512 };

static char buffer[BUFFER_BYTES + 1];

static void fail(const char *what) {
    perror(what);
    exit(3);
}

static int connect_to_the_api(void) {
    char host[64];
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    snprintf(host, sizeof host, "%s", api ? api : "");
    char *colon = strchr(host, ':');
    if (!colon) fail("AWS_LAMBDA_RUNTIME_API");
    *colon = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, host, &address.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connection;
}

/* Head and body in one go, as runtimes' HTTP libraries send them; what the socket did not take then, piece by piece. */
static void send_all(int connection, struct iovec *parts, int count) {
    while (count) {
        ssize_t sent = writev(connection, parts, count);
        if (sent < 0) fail("write");
        for (; count && (size_t)sent >= parts->iov_len; parts++, count--) sent -= parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= sent;
        }
    }
}

static void request(int connection, const char *method, const char *path, const char *body, size_t body_bytes) {
    char head[HEAD_BYTES];
    int head_bytes = snprintf(head, sizeof head,
        "%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: runtime\r\nContent-Length: %zu\r\n\r\n",
        method, path, body_bytes);
    struct iovec parts[] = {{head, head_bytes}, {(char *)body, body_bytes}};
    send_all(connection, parts, 2);
}

/* Reads one answer into `buffer`; returns where its body begins and sets `body_bytes`. */
static char *answer(int connection, size_t *body_bytes) {
    size_t total = 0;
    char *body = NULL;
    while (!body) {
        ssize_t got = read(connection, buffer + total, BUFFER_BYTES - total);
        if (got <= 0) fail("read");
        total += got;
        buffer[total] = 0;
        body = strstr(buffer, "\r\n\r\n");
    }
    body += 4;
    char *length = strcasestr(buffer, "\r\ncontent-length:");
    *body_bytes = length && length < body ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
    while (total < (size_t)(body - buffer) + *body_bytes) {
        ssize_t got = read(connection, buffer + total, BUFFER_BYTES - total);
        if (got <= 0) fail("read");
        total += got;
    }
    buffer[total] = 0;
    return body;
}

int main(void) {
    const char *handler = getenv("_HANDLER");
    int sleeps = handler && strcmp(handler, "sleep") == 0;
    int connection = connect_to_the_api();
    for (;;) {
        size_t event_bytes;
        request(connection, "GET", "next", "", 0);
        char *event = answer(connection, &event_bytes);
        char *field = strcasestr(buffer, "lambda-runtime-aws-request-id:");
        char id[64] = "", path[128];
        if (!field) fail("no request id");
        sscanf(field + strlen("lambda-runtime-aws-request-id:"), " %63[0-9a-fA-F-]", id);
        snprintf(path, sizeof path, "%s/response", id);
        if (sleeps) sleep(atoi(event));
        request(connection, "POST", path, event, event_bytes);
        answer(connection, &event_bytes);
    }
}
