// The program that tests run inside a container, statically linked: `probe COMMAND ARGUMENT...`. It
// prints what it finds, or "name: error text" when the kernel refuses, so that a test can compare
// the whole output.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int said(const char* what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
  return result < 0;
}

static int cat(const char* path) {
  fflush(stdout);
  char buffer[65536];
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return said(path, -1);
  ssize_t n;
  while ((n = read(fd, buffer, sizeof buffer)) > 0)
    if (write(1, buffer, n) != n) return 1;
  return n < 0 ? said(path, -1) : 0;
}

static int do_write(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return said(path, -1);
  return said(path, write(fd, text, strlen(text)));
}

static int eat(long megabytes) {
  for (long i = 0; i < megabytes; ++i) {
    char* memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return said("mmap", -1);
    memset(memory, 1, 1 << 20);
  }
  return said("eat", 0);
}

// Fills a file until the kernel refuses.
static int fill(const char* path, long megabytes) {
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  const int fd = open(path, O_WRONLY | O_CREAT, 0644);
  if (fd < 0) return said(path, -1);
  for (long i = 0; i < megabytes; ++i)
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) return said("fill", -1);
  return said("fill", 0);
}

static long now_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Uses so much time of a processor, and prints how long that took.
static int spin(long cpu_ms) {
  const long began = now_ms(CLOCK_MONOTONIC), end = now_ms(CLOCK_PROCESS_CPUTIME_ID) + cpu_ms;
  while (now_ms(CLOCK_PROCESS_CPUTIME_ID) < end) continue;
  return printf("%ld", now_ms(CLOCK_MONOTONIC) - began) < 0;
}

static int forks(int count) {
  for (int i = 0; i < count; ++i) {
    const pid_t pid = fork();
    if (pid < 0) return said("fork", -1);
    if (pid == 0) {
      pause();
      _exit(0);
    }
  }
  return said("fork", 0);
}

// A grandchild whose parent is gone: init must reap it.
static int orphan(void) {
  int fds[2];
  if (pipe(fds)) return 1;
  if (fork() == 0) {
    if (fork() == 0) {
      while (getppid() != 1) sched_yield();
      dprintf(fds[1], "%d", getpid());
      _exit(0);
    }
    _exit(0);
  }
  wait(NULL);
  close(fds[1]);
  char text[32] = "";
  if (read(fds[0], text, 31) <= 0) return 1;
  char path[64];
  snprintf(path, sizeof path, "/proc/%s", text);
  while (access(path, F_OK) == 0) sched_yield();
  return said("reaped", 0);
}

static volatile sig_atomic_t got;
static void on_signal(int signo) { got = signo; }
static int wait_signal(void) {
  signal(SIGTERM, on_signal);
  printf("ready\n");
  fflush(stdout);
  sigset_t none;
  sigemptyset(&none);
  while (!got) sigsuspend(&none);
  printf("got %d\n", got);
  return 7;
}

static int tcp(const char* ip, int port, const char* text) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip, &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return said("socket", -1);
  const struct timeval limit = {.tv_sec = 1};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0) return said("connect", -1);
  if (write(fd, text, strlen(text)) < 0) return said("write", -1);
  return said("connect", 0);
}

static int serve(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return said("socket", -1);
  if (bind(fd, (struct sockaddr*)&at, sizeof at) != 0) return said("bind", -1);
  listen(fd, 8);
  printf("serving\n");
  fflush(stdout);
  for (;;) close(accept(fd, NULL, NULL));
}

static const unsigned char kQuery[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};

// Asks for the A record of a name and prints whether an answer with that question came back.
static int dns(const char* ip, const char* name, int type) {
  unsigned char packet[600] = {0};
  memcpy(packet + 2, kQuery, sizeof kQuery);
  size_t n = 2 + sizeof kQuery;
  while (*name) {
    const char* dot = strchr(name, '.');
    const size_t length = dot ? (size_t)(dot - name) : strlen(name);
    packet[n++] = length;
    memcpy(packet + n, name, length);
    n += length;
    name += length + (dot ? 1 : 0);
  }
  n += 1;
  packet[n + 1] = packet[n + 3] = 1;
  n += 4;
  packet[0] = (n - 2) >> 8;
  packet[1] = n - 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
  inet_pton(AF_INET, ip, &to.sin_addr);
  const int fd = socket(AF_INET, type, 0);
  if (fd < 0) return said("socket", -1);
  const struct timeval limit = {.tv_sec = 8};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0) return said("connect", -1);
  const size_t skip = type == SOCK_DGRAM ? 2 : 0;
  if (write(fd, packet + skip, n - skip) < 0) return said("write", -1);
  unsigned char reply[4096];
  const ssize_t got_bytes = read(fd, reply, sizeof reply);
  if (got_bytes < 0) return said("read", -1);
  const unsigned char* head = reply + (type == SOCK_STREAM ? 2 : 0);
  printf("id %02x%02x code %d answers %s\n", head[0], head[1], head[3] & 15,
         head[6] || head[7] ? "some" : "none");
  return 0;
}

static int number(const char* text) { return (int)strtol(text, NULL, 0); }

// A system call by number with up to five arguments.
static int call(int argc, char** argv) {
  long a[6] = {0};
  for (int i = 2; i < argc && i < 8; ++i) a[i - 2] = strtol(argv[i], NULL, 0);
  return said("call", syscall(a[0], a[1], a[2], a[3], a[4], a[5]));
}

static int show_status(void) {
  char host[100] = "";
  gethostname(host, sizeof host);
  printf("pid %d uid %d gid %d host %s ppid %d\n", getpid(), getuid(), getgid(), host, getppid());
  for (int fd = 0; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) printf("fd %d\n", fd);
  return 0;
}

static int show_terminal(void) {
  struct winsize size = {0};
  const char* name = ttyname(0);
  ioctl(0, TIOCGWINSZ, &size);
  printf("%s %d rows %d columns, %s\n", name ? name : "no terminal", size.ws_row, size.ws_col,
         tcgetsid(0) == getpid() ? "ours" : "not ours");
  return 0;
}

static int lines(void);

// Asked by its descriptor 3, it makes copies of itself, each with three files of its own; a copy
// takes lines.
static int zygote(void) {
  for (;;) {
    char byte, control[CMSG_SPACE(16 * sizeof(int))];
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    if (recvmsg(3, &message, 0) <= 0) return 0;
    struct cmsghdr* part = CMSG_FIRSTHDR(&message);
    if (!part) return 1;
    const int count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int* fds = (int*)CMSG_DATA(part);
    const pid_t pid = fork();
    if (pid == 0) {
      setsid();
      for (int i = 0; i < 3; ++i) dup2(fds[i], i);
      for (int i = 0; i < count; ++i) close(fds[i]);
      close(3);
      return lines();
    }
    for (int i = 0; i < count; ++i) close(fds[i]);
    waitpid(pid, NULL, 0);
  }
}

static int run(int argc, char** argv) {
  const char* command = argc > 1 ? argv[1] : "";
  const char* one = argc > 2 ? argv[2] : "";
  const char* two = argc > 3 ? argv[3] : "";
  if (!strcmp(command, "hello")) return write(1, "hello\n", 6) != 6;
  if (!strcmp(command, "cat")) return cat(one);
  if (!strcmp(command, "write")) return do_write(one, two);
  if (!strcmp(command, "echo")) return cat("/proc/self/fd/0");
  if (!strcmp(command, "exit")) return number(one);
  if (!strcmp(command, "raise")) return raise(number(one));
  if (!strcmp(command, "pause")) {
    if (write(1, "ready\n", 6) != 6) return 1;
    for (;;) pause();
  }
  if (!strcmp(command, "env")) return printf("%s\n", getenv(one) ? getenv(one) : "(none)") < 0;
  if (!strcmp(command, "pwd")) {
    char path[500];
    return printf("%s\n", getcwd(path, sizeof path)) < 0;
  }
  if (!strcmp(command, "stat")) {
    struct stat info;
    if (stat(one, &info)) return said(one, -1);
    return printf("%o %d:%d\n", info.st_mode, info.st_uid, info.st_gid) < 0;
  }
  if (!strcmp(command, "status")) return show_status();
  if (!strcmp(command, "terminal")) return show_terminal();
  if (!strcmp(command, "eat")) return eat(number(one));
  if (!strcmp(command, "fill")) return fill(one, number(two));
  if (!strcmp(command, "spin")) return spin(number(one));
  if (!strcmp(command, "fork")) return forks(number(one));
  if (!strcmp(command, "orphan")) return orphan();
  if (!strcmp(command, "wait_signal")) return wait_signal();
  if (!strcmp(command, "chown")) return said("chown", chown(one, number(two), number(two)));
  if (!strcmp(command, "setuid")) return said("setuid", setuid(number(one)));
  if (!strcmp(command, "mknod")) return said("mknod", mknod(one, S_IFCHR | 0666, 0x100 | 3));
  if (!strcmp(command, "socket")) return said("socket", socket(number(one), number(two), 0));
  if (!strcmp(command, "ptrace")) return said("ptrace", ptrace(PTRACE_ATTACH, number(one), 0, 0));
  if (!strcmp(command, "call")) return call(argc, argv);
  if (!strcmp(command, "tcp")) return tcp(one, number(two), argc > 4 ? argv[4] : "x");
  if (!strcmp(command, "serve")) return serve(number(one));
  if (!strcmp(command, "dns")) return dns(one, two, SOCK_DGRAM);
  if (!strcmp(command, "dns_tcp")) return dns(one, two, SOCK_STREAM);
  fprintf(stderr, "probe: no command %s\n", command);
  return 99;
}

// Each line of the input is a command; "." after what it printed. It is one process that finds all
// of it.
static int lines(void) {
  char line[500];
  if (write(1, "ready\n", 6) != 6) return 1;
  while (fgets(line, sizeof line, stdin)) {
    char* words[8] = {"probe"};
    int count = 1;
    char* rest = line;
    for (char* word; (word = strsep(&rest, " \n")) && count < 7;)
      if (*word) words[count++] = word;
    run(count, words);
    printf(".\n");
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && !strcmp(argv[1], "lines")) return lines();
  if (argc > 1 && !strcmp(argv[1], "zygote")) return zygote();
  return run(argc, argv);
}
