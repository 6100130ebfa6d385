/* Loaded before libc: the n-th write, sync or rename under a folder fails, whoever makes it, Python or SQLite. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char under[4096];
static atomic_long seen;
static long fails_at;
static int fails_with;

void failing_arm(const char *folder, long at, int error) {
  strncpy(under, folder, sizeof under - 1);
  fails_at = at;
  fails_with = error;
  seen = 0;
}

long failing_seen(void) { return seen; }

static int due(const char *path) {
  if (!under[0] || strncmp(path, under, strlen(under)) != 0) return 0;
  if (++seen != fails_at) return 0;
  errno = fails_with;
  return 1;
}

static int due_at(int file) {
  char link[64], path[4096];
  if (!under[0]) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return due(path);
}

#define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *data, size_t count) {
  NEXT(write);
  return due_at(file) ? -1 : next(file, data, count);
}
ssize_t pwrite(int file, const void *data, size_t count, off_t at) {
  NEXT(pwrite);
  return due_at(file) ? -1 : next(file, data, count, at);
}
ssize_t pwrite64(int file, const void *data, size_t count, off64_t at) {
  NEXT(pwrite64);
  return due_at(file) ? -1 : next(file, data, count, at);
}
int fsync(int file) {
  NEXT(fsync);
  return due_at(file) ? -1 : next(file);
}
int fdatasync(int file) {
  NEXT(fdatasync);
  return due_at(file) ? -1 : next(file);
}
int rename(const char *from, const char *to) {
  NEXT(rename);
  return due(to) ? -1 : next(from, to);
}
