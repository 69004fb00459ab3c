/* The smallest external extension: registers under its file's name for INVOKE and SHUTDOWN and prints what it hears.
 * A static program, so that it runs beside any runtime. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[65536];

static void fail(const char *what) {
    perror(what);
    exit(3);
}

/* Sends one request on a connection of its own and reads the answer to its end. */
static void call(const char *method, const char *path, const char *header, const char *body) {
    char host[64], request[1024];
    snprintf(host, sizeof host, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
    char *colon = strchr(host, ':');
    if (!colon) fail("AWS_LAMBDA_RUNTIME_API");
    *colon = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, host, &address.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) fail("connect");
    int bytes = snprintf(request, sizeof request,
        "%s /2020-01-01/extension/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\nContent-Length: %zu\r\n\r\n%s",
        method, path, header, strlen(body), body);
    if (write(connection, request, bytes) != bytes) fail("write");
    size_t total = 0;
    ssize_t got;
    while ((got = read(connection, answer + total, sizeof answer - 1 - total)) > 0) total += got;
    answer[total] = 0;
    close(connection);
}

int main(int count, char **arguments) {
    char header[256], id[64] = "";
    (void)count;
    char *slash = strrchr(arguments[0], '/');
    snprintf(header, sizeof header, "Lambda-Extension-Name: %s", slash ? slash + 1 : arguments[0]);
    call("POST", "register", header, "{\"events\": [\"INVOKE\", \"SHUTDOWN\"]}");
    char *at = strcasestr(answer, "lambda-extension-identifier: ");
    if (!at || sscanf(at, "%*s %63s", id) != 1) fail("register");
    snprintf(header, sizeof header, "Lambda-Extension-Identifier: %s", id);
    for (;;) {
        call("GET", "event/next", header, "");
        char *body = strstr(answer, "\r\n\r\n");
        printf("small extension: %s\n", body ? body + 4 : "?");
        fflush(stdout);
        if (strstr(answer, "\"SHUTDOWN\"")) return 0;
    }
}
