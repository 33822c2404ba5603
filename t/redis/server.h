/* SPDX-License-Identifier: MIT
 *
 * server.h: a redis-server of the test: with a socket in a folder of its own, and no port.
 */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include "../chain/hosts.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static pid_t server = -1;

static void name_socket(char path[200])
{
    snprintf(path, 200, "%s/server/socket", folder);
}

/* Whether something listens there. */
static bool server_answers(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[200], reply[8] = "";
    name_socket(path);
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof address) &&
                   write(fd, "PING\r\n", 6) == 6 && read(fd, reply, 5) > 0 && reply[0] == '+';
    if (fd >= 0)
        close(fd);
    return answers;
}

/* Starts a server whose acknowledged writes are on the disk, or one that keeps nothing. */
static void start_server(bool durable)
{
    char path[200], data[200];
    name_socket(path);
    snprintf(data, sizeof data, "%s/server", folder);
    mkdir(data, 0700);
    fflush(stdout);
    server = fork();
    if (!server) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", data, "--save", "",
               "--appendonly", durable ? "yes" : "no", "--appendfsync", "always", "--auto-aof-rewrite-min-size", "4mb",
               (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 2000 && !server_answers(); i++)
        sleep_ms(5);
}

static void kill_server(void)
{
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = -1;
}

static __attribute__((unused)) void forget_server_data(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s/server/appendonlydir", folder);
    if (system(command))
        exit(1);
}

/* Begins a program of tests, which ends after so many seconds in any case (0: it does not); or skips it, if there is no server. */
static void begin_with_server(unsigned seconds)
{
    if (system("command -v redis-server redis-cli >/dev/null")) {
        skip("redis-server is not installed");
        exit(tap_done());
    }
    if (!mkdtemp(folder))
        exit(1);
    alarm(seconds);
}

/* Ends it: returns `status`, or another failure. */
static int end_with_server(int status)
{
    char command[100];
    kill_server();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | status;
}

/* The tier in YAML. */
static __attribute__((unused)) const char *redis_tier(void)
{
    static char text[400];
    char path[200];
    name_socket(path);
    snprintf(text, sizeof text, "plugin: redis, socket: %s, max_staleness: 1h", path);
    return text;
}

/* Runs redis-cli; the first number or word of its output is in `answer`. */
static __attribute__((unused)) void ask_server(const char *command, char answer[100])
{
    char line[500], path[200];
    name_socket(path);
    snprintf(line, sizeof line, "redis-cli -s %s %s", path, command);
    FILE *pipe = popen(line, "r");
    answer[0] = '\0';
    if (pipe && fgets(answer, 100, pipe))
        answer[strcspn(answer, "\r\n")] = '\0';
    while (pipe && fgets(line, sizeof line, pipe))
        ;
    if (pipe)
        pclose(pipe);
}

#endif
