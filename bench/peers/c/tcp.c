/*
 * The two ends of the TCP rows that are in C: the smallest echo server there can be, one
 * thread around epoll, and the load that every server of a row is put under, so that the
 * load costs the same whoever serves.
 *
 *   tcp serve                              prints two addresses, echoes until stdin ends
 *   tcp echo   ADDRS CONNS BYTES SECONDS   CONNS connections, one message under way on each
 *   tcp idle   ADDRS CONNS                 CONNS connections, one byte echoed on each, then silence
 *   tcp accept ADDRS CONNS SECONDS         connects, has one byte echoed, resets, again; CONNS at a time
 *
 * ADDRS is "PORT,PORT" on 127.0.0.1; connections alternate between them, because one
 * address alone would run out of local ports. The load prints "start" when what counts
 * begins, then how many messages or connections there were and how many nanoseconds they
 * took; idle prints "ready" and waits for stdin to end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BLOCK = 64 << 10 };

static void die(const char *what) {
	perror(what);
	exit(1);
}

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void watch(int ep, int op, int fd, uint32_t events, void *data) {
	struct epoll_event ev = {.events = events, .data.ptr = data};
	if (epoll_ctl(ep, op, fd, &ev) < 0)
		die("epoll_ctl");
}

/* ---- the server ---- */

struct conn {
	int fd;
	char *unsent; /* what a full socket did not take */
	size_t off, len;
};

static int listen_somewhere(int *port) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (void *)&a, n) < 0 || listen(fd, 4096) < 0 || getsockname(fd, (void *)&a, &n) < 0)
		die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static void drop(struct conn *c) {
	close(c->fd);
	free(c->unsent);
	free(c);
}

/* echo serves one readiness; it returns 0 when the connection is over. */
static int echo(int ep, struct conn *c, char *block) {
	if (c->len > 0) {
		ssize_t n = write(c->fd, c->unsent + c->off, c->len);
		if (n < 0)
			return errno == EAGAIN;
		c->off += n;
		if ((c->len -= n) > 0)
			return 1;
		watch(ep, EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
	}
	ssize_t got = read(c->fd, block, BLOCK);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	ssize_t n = write(c->fd, block, got);
	if (n < 0 && errno != EAGAIN)
		return 0;
	if (n < 0)
		n = 0;
	if (n < got) {
		if (!c->unsent && !(c->unsent = malloc(BLOCK)))
			return 0;
		memcpy(c->unsent, block + n, got - n);
		c->off = 0;
		c->len = got - n;
		watch(ep, EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
	}
	return 1;
}

static void serve(void) {
	static char block[BLOCK];
	struct conn doors[2] = {{0}}, in = {.fd = 0};
	struct epoll_event events[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC), ports[2];
	for (int i = 0; i < 2; i++) {
		doors[i].fd = listen_somewhere(&ports[i]);
		watch(ep, EPOLL_CTL_ADD, doors[i].fd, EPOLLIN, &doors[i]);
	}
	watch(ep, EPOLL_CTL_ADD, 0, EPOLLIN, &in);
	printf("%d,%d\n", ports[0], ports[1]);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			if (c == &in) {
				ssize_t got = read(0, block, BLOCK);
				if (got <= 0)
					return;
				puts("settled");
				fflush(stdout);
			} else if (c == &doors[0] || c == &doors[1]) {
				int fd, on = 1;
				while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
					struct conn *fresh = calloc(1, sizeof *fresh);
					fresh->fd = fd;
					setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
					watch(ep, EPOLL_CTL_ADD, fd, EPOLLIN, fresh);
				}
			} else if (!echo(ep, c, block)) {
				drop(c);
			}
		}
	}
}

/* ---- the load ---- */

struct client {
	int fd;
	size_t sent, got; /* of the message under way */
};

static int ports[2];
static unsigned turn;

static int dial(void) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(ports[turn++ % 2])};
	if (fd < 0)
		die("socket");
	if (connect(fd, (void *)&a, sizeof a) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl");
	return fd;
}

/* reset closes a connection without leaving its port in TIME_WAIT. */
static void reset(int fd) {
	struct linger hard = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void begin(struct client *c, const char *message, size_t size) {
	ssize_t n = write(c->fd, message, size);
	if (n < 0 && errno != EAGAIN)
		die("write");
	c->sent = n < 0 ? 0 : n;
	c->got = 0;
}

/* load keeps one message under way on every connection until done says enough. */
static int64_t load(int ep, struct client *all, int conns, size_t size, int64_t end, int renew) {
	static char block[BLOCK];
	char *message = calloc(1, size);
	struct epoll_event events[EVENTS];
	int64_t count = 0;
	for (int i = 0; i < conns; i++)
		if (all[i].got == SIZE_MAX) /* idle since the last call */
			begin(&all[i], message, size);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, 1000);
		if (n == 0) {
			fprintf(stderr, "no answer for a second\n");
			exit(1);
		}
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;
			ssize_t got = read(c->fd, block, BLOCK);
			if (got == 0 || (got < 0 && errno != EAGAIN)) {
				fprintf(stderr, "the server hung up\n");
				exit(1);
			}
			if (got > 0)
				c->got += got;
			if (c->sent < size) { /* a long message went out in part */
				ssize_t more = write(c->fd, message + c->sent, size - c->sent);
				if (more > 0)
					c->sent += more;
			}
			if (c->got < size)
				continue;
			count++;
			if (renew) {
				reset(c->fd);
				c->fd = dial();
				watch(ep, EPOLL_CTL_ADD, c->fd, EPOLLIN, c);
			}
			begin(c, message, size);
		}
		if (now() >= end) {
			free(message);
			return count;
		}
	}
}

int main(int argc, char **argv) {
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		serve();
		return 0;
	}
	if (argc < 4 || sscanf(argv[2], "%d,%d", &ports[0], &ports[1]) != 2) {
		fprintf(stderr, "usage: see tcp.c\n");
		return 2;
	}
	int conns = atoi(argv[3]), ep = epoll_create1(EPOLL_CLOEXEC);
	int renew = !strcmp(argv[1], "accept"), idle = !strcmp(argv[1], "idle");
	size_t size = !renew && !idle ? (size_t)atol(argv[4]) : 1;
	struct client *all = calloc(conns, sizeof *all);
	for (int i = 0; i < conns; i++) {
		all[i].fd = dial();
		all[i].got = SIZE_MAX;
		if (idle) {
			char c = 0;
			fcntl(all[i].fd, F_SETFL, 0);
			if (write(all[i].fd, &c, 1) != 1 || read(all[i].fd, &c, 1) != 1)
				die("first byte");
		} else {
			watch(ep, EPOLL_CTL_ADD, all[i].fd, EPOLLIN, &all[i]);
		}
	}
	if (idle) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
		return 0;
	}
	double seconds = atof(argv[argc - 1]);
	load(ep, all, conns, size, now() + (int64_t)(seconds * 0.2e9), renew);
	puts("start");
	fflush(stdout);
	int64_t began = now(), count = load(ep, all, conns, size, began + (int64_t)(seconds * 1e9), renew);
	printf("%lld %lld\n", (long long)count, (long long)(now() - began));
	return 0;
}
