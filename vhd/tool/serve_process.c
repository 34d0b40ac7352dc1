/* SPDX-License-Identifier: MIT */
/*
 * nbdkit as a process: started, waited for until it answers, waited for until it ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vhd/tool/serve.h"

/* The first bytes of what every NBD server says first. It is read to its end, or the server would log an error. */
#define GREETING "NBDMAGIC"
#define GREETING_SIZE 18
#define ANSWER_ATTEMPTS 1000
#define ANSWER_PAUSE_NS 20000000l
#define ANSWER_TIMEOUT_MS 5000

/* The child starts with no signal blocked, whatever this process waits for by blocking it. */
int serve_spawn(char *const arguments[], pid_t *process)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	int error = posix_spawnattr_init(&attributes);
	if (error) {
		return error;
	}
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	error = posix_spawnp(process, arguments[0], NULL, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	return error;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int connect_port(unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, SERVE_ADDRESS, &address.sin_addr);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool answers(const struct serve_place *place)
{
	char greeting[GREETING_SIZE] = "";
	int fd = place->socket ? connect_unix(place->socket) : connect_port(place->port);
	if (fd < 0) {
		return false;
	}
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	bool answered = poll(&wait, 1, ANSWER_TIMEOUT_MS) == 1 &&
			recv(fd, greeting, sizeof(greeting), MSG_WAITALL) == (ssize_t)sizeof(greeting) &&
			memcmp(greeting, GREETING, sizeof(GREETING) - 1) == 0;
	close(fd);
	return answered;
}

/* Without collecting it, so that the caller still can. */
static bool has_ended(pid_t process)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == process;
}

pid_t serve_read_pid(const char *path)
{
	int number = 0;
	FILE *file = fopen(path, "re");
	if (!file) {
		return 0;
	}
	if (fscanf(file, "%d", &number) != 1 || number < 0) {
		number = 0;
	}
	fclose(file);
	return number;
}

/* The file comes after the socket: before, another server might answer at the same place. */
bool serve_wait_answer(const struct serve_place *place, const char *pid_file, pid_t process)
{
	const struct timespec pause = {.tv_nsec = ANSWER_PAUSE_NS};
	for (int i = 0; i < ANSWER_ATTEMPTS; i++) {
		if (process && has_ended(process)) {
			return false;
		}
		if (serve_read_pid(pid_file) && answers(place)) {
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

void serve_wait_end(pid_t process)
{
	int fd = pidfd_open(process, 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	if (fd < 0) {
		return;
	}
	while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
	}
	close(fd);
}
