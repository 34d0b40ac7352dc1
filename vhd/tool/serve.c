/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool serve`: gives an image to QEMU, libvirt and others over NBD, by starting nbdkit with this project's plugin. It
 * returns when the server answers; with --foreground when it has ended.
 *
 * The image is opened here first and closed again: what is wrong with it is said in the tool's own words and exit codes.
 * Everything of the server's that is not the image, its socket and its process id, lies in a directory that only its owner
 * can enter and that is removed when the server ends, by a small process of its own where nobody waits for that.
 */
#include "vhd/tool/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vhd/tool/commands.h"
#include "vhd/tool/tool.h"

#define PLUGIN_FILE "nbdkit-verdivhd-plugin.so"
#define PLUGIN_NAME "verdivhd"
#define ARGUMENTS_MAX (24u + OPTION_LIST_MAX)

struct serve_values {
	struct tool_common common;
	bool read_only, foreground;
	const char *socket;
	unsigned port;
};

struct serve {
	const struct serve_values *values;
	const char *image;
	struct serve_place place;
	char directory[PATH_MAX / 2]; /* private */
	char pid_file[PATH_MAX];
	char *arguments[ARGUMENTS_MAX + 1];
	unsigned count;
	bool no_memory;
};

/* --- What nbdkit is told ---------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(struct serve *serve, const char *format, ...)
{
	char *text = NULL;
	va_list list;
	va_start(list, format);
	if (serve->count == ARGUMENTS_MAX || vasprintf(&text, format, list) < 0) {
		serve->no_memory = true;
	} else {
		serve->arguments[serve->count++] = text;
	}
	va_end(list);
}

/* In the build tree the plugin lies beside the tool, below /usr/local where nbdkit does not look; else nbdkit knows. */
static void add_plugin(struct serve *serve)
{
	static const char *const places[] = {PLUGIN_FILE, "../lib/nbdkit/plugins/" PLUGIN_FILE};
	char tool[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", tool, sizeof(tool));
	const char *slash = length > 0 ? memrchr(tool, '/', (size_t)length) : NULL;
	for (size_t i = 0; slash && i < OPTION_COUNT(places); i++) {
		char path[PATH_MAX + sizeof("../lib/nbdkit/plugins/" PLUGIN_FILE)];
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - tool), tool, places[i]);
		if (access(path, R_OK) == 0) {
			add(serve, "%s", path);
			return;
		}
	}
	add(serve, PLUGIN_NAME);
}

static void add_chain(struct serve *serve, const struct tool_common *common)
{
	static const char *const rules[] = {"auto", "auto", "current", "chs"};
	for (unsigned i = 0; i < common->parent_directories.count; i++) {
		add(serve, "parent-dir=%s", common->parent_directories.items[i]);
	}
	if (common->parent) {
		add(serve, "parent=%s", common->parent);
		add(serve, "parent-format=%s", common->parent_format == 2 ? "raw" : "vhd");
	}
	if (common->size_rule < sizeof(rules) / sizeof(rules[0])) {
		add(serve, "size-rule=%s", rules[common->size_rule]);
	}
}

static void add_arguments(struct serve *serve)
{
	add(serve, "nbdkit");
	if (serve->values->foreground) {
		add(serve, "--foreground");
		add(serve, "--exit-with-parent");
	}
	add(serve, "--pidfile=%s", serve->pid_file);
	if (serve->place.socket) {
		add(serve, "--unix=%s", serve->place.socket);
	} else {
		add(serve, "--ipaddr=%s", SERVE_ADDRESS);
		add(serve, "--port=%u", serve->place.port);
	}
	add_plugin(serve);
	add(serve, "file=%s", serve->image);
	add(serve, "read-only=%s", serve->place.read_only ? "true" : "false");
	add_chain(serve, &serve->values->common);
}

/* --- Where it listens --------------------------------------------------------------------------------------------------- */

static enum tool_exit make_directory(struct serve *serve)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");
	if (!parent || !*parent) {
		parent = getenv("TMPDIR");
	}
	snprintf(serve->directory, sizeof(serve->directory), "%s/vhdtool-XXXXXX",
		 parent && *parent ? parent : "/tmp");
	if (!mkdtemp(serve->directory)) {
		message_error("%s: a directory for the socket cannot be made there: %s", serve->directory,
			      strerror(errno));
		serve->directory[0] = 0;
		return TOOL_SYSTEM;
	}
	snprintf(serve->pid_file, sizeof(serve->pid_file), "%s/pid", serve->directory);
	return TOOL_OK;
}

/* nbdkit goes to another directory, and so may who uses the socket: its path is made absolute. */
static enum tool_exit choose_socket(struct serve *serve)
{
	const char *wanted = serve->values->socket;
	char here[PATH_MAX] = "";
	int done;
	if (wanted && wanted[0] != '/' && !getcwd(here, sizeof(here))) {
		message_error("the working directory has no name: %s", strerror(errno));
		return TOOL_SYSTEM;
	}
	if (wanted) {
		done = asprintf(&serve->place.socket, "%s%s%s", here, *here ? "/" : "", wanted);
	} else {
		done = asprintf(&serve->place.socket, "%s/socket", serve->directory);
	}
	if (done < 0) {
		serve->place.socket = NULL;
		message_error("no memory");
		return TOOL_SYSTEM;
	}
	if (strlen(serve->place.socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		message_error(
			"%s: too long for a socket, %zu bytes at most; use --socket with a shorter path",
			serve->place.socket, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return TOOL_USAGE;
	}
	if (access(serve->place.socket, F_OK) == 0) {
		message_error(
			"%s exists; remove it when nobody listens there any more, or choose another --socket",
			serve->place.socket);
		free(serve->place.socket);
		serve->place.socket = NULL;
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static void clean_up(const struct serve *serve)
{
	if (serve->place.socket) {
		unlink(serve->place.socket);
	}
	if (serve->directory[0]) {
		unlink(serve->pid_file);
		rmdir(serve->directory);
	}
}

/* --- The server ----------------------------------------------------------------------------------------------------------- */

/* Everything that the library has to say against the image, before nbdkit says it less well. */
static enum tool_exit check_image(const struct serve *serve)
{
	struct vvhd *image = NULL;
	unsigned flags = serve->place.read_only ? 0 : VVHD_WRITABLE;
	enum tool_exit status =
		tool_open(&serve->values->common, serve->image, VVHD_FORMAT_VHD, flags, &image);
	return status ? status : tool_close(image);
}

static enum tool_exit start(struct serve *serve, pid_t *process)
{
	int error = serve_spawn(serve->arguments, process);
	if (error == ENOENT) {
		message_error("nbdkit is not installed; Debian's package of that name has it");
	} else if (error) {
		message_error("nbdkit could not be started: %s", strerror(error));
	}
	return error ? TOOL_SYSTEM : TOOL_OK;
}

static void say(const struct serve *serve, pid_t process)
{
	if (serve->values->common.quiet) {
		serve_print_uri(stdout, &serve->place);
		putchar('\n');
	} else {
		printf("%s is served, by process %d; `kill %d` ends that\n", serve->image, process, process);
		serve_print(stdout, &serve->place);
	}
	fflush(stdout);
}

/* It ends by itself, or when one of these signals comes; a second one makes no difference. */
static int wait_for_child(pid_t process, const sigset_t *signals)
{
	int status = 0;
	while (waitpid(process, &status, WNOHANG) == 0) {
		int number = sigwaitinfo(signals, NULL);
		if (number > 0 && number != SIGCHLD) {
			kill(process, SIGTERM);
		}
	}
	return status;
}

static enum tool_exit serve_foreground(struct serve *serve)
{
	pid_t process;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	enum tool_exit status = start(serve, &process);
	if (status) {
		return status;
	}
	bool answered = serve_wait_answer(&serve->place, serve->pid_file, process);
	if (answered) {
		say(serve, process);
	} else {
		kill(process, SIGTERM);
	}
	int end = wait_for_child(process, &signals);
	clean_up(serve);
	return answered && WIFEXITED(end) && WEXITSTATUS(end) == 0 ? TOOL_OK : TOOL_SYSTEM;
}

/* A process that keeps nothing of ours open, so that whoever waits for our output does not wait for it. */
static void leave_cleaner(const struct serve *serve, pid_t process)
{
	pid_t cleaner = fork();
	if (cleaner != 0) {
		return;
	}
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++) {
		dup2(null, fd);
	}
	setsid();
	(void)!chdir("/");
	serve_wait_end(process);
	clean_up(serve);
	_exit(0);
}

/* nbdkit goes into the background by itself, and only when all is well. */
static enum tool_exit serve_background(struct serve *serve)
{
	pid_t starter;
	int end = 0;
	enum tool_exit status = start(serve, &starter);
	if (status) {
		return status;
	}
	waitpid(starter, &end, 0);
	if (!WIFEXITED(end) || WEXITSTATUS(end) != 0) {
		return TOOL_SYSTEM;
	}
	bool answered = serve_wait_answer(&serve->place, serve->pid_file, 0);
	pid_t process = serve_read_pid(serve->pid_file);
	if (!answered) {
		message_error("nbdkit (process %d) does not answer", process);
		if (process) {
			kill(process, SIGTERM);
		}
		return TOOL_SYSTEM;
	}
	leave_cleaner(serve, process);
	say(serve, process);
	return TOOL_OK;
}

static enum tool_exit serve_with(struct serve *serve)
{
	enum tool_exit status = make_directory(serve);
	if (!status && !serve->place.port) {
		status = choose_socket(serve);
	}
	if (status) {
		return status;
	}
	add_arguments(serve);
	if (serve->no_memory) {
		message_error("no memory");
		return TOOL_SYSTEM;
	}
	return serve->values->foreground ? serve_foreground(serve) : serve_background(serve);
}

static enum tool_exit run(const void *values, char **operands)
{
	struct serve serve = {.values = values, .image = operands[0]};
	serve.place.port = serve.values->port;
	serve.place.read_only = serve.values->read_only;
	if (serve.values->socket && serve.values->port) {
		message_error("--socket and --port: choose one");
		return TOOL_USAGE;
	}
	if (serve.values->port > UINT16_MAX) {
		message_error("--port %u: at most %d", serve.values->port, UINT16_MAX);
		return TOOL_USAGE;
	}
	enum tool_exit status = check_image(&serve);
	if (!status) {
		status = serve_with(&serve);
	}
	if (status) {
		clean_up(&serve);
	}
	for (unsigned i = 0; i < serve.count; i++) {
		free(serve.arguments[i]);
	}
	free(serve.place.socket);
	return status;
}

static const struct option_row options[] = {
	{"read-only", 'r', OPTION_FLAG, NULL, "refuse writes; others may read the image meanwhile",
	 offsetof(struct serve_values, read_only)},
	{"socket", 0, OPTION_TEXT, "PATH", "Unix socket to listen on (default: in a private directory)",
	 offsetof(struct serve_values, socket)},
	{"port", 0, OPTION_NUMBER, "NUMBER", "listen on this TCP port of " SERVE_ADDRESS " instead",
	 offsetof(struct serve_values, port)},
	{"foreground", 'f', OPTION_FLAG, NULL, "stay until the server ends; Ctrl-C ends it",
	 offsetof(struct serve_values, foreground)},
};

const struct tool_command command_serve = {
	.name = "serve",
	.operands = "IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Give an image to QEMU, libvirt and others over NBD",
	.options = options,
	.option_count = OPTION_COUNT(options),
	.values_size = sizeof(struct serve_values),
	.run = run,
};
