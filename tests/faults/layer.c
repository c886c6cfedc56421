/* Faults of the machine below the server: a wall clock that is set, and syncs of the spool that fail. Loaded before the C
 * library; `layer.rs` gives the orders. A sync that fails takes with it what was written since the last that did not, as a
 * disk may. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The file of the orders, as `layer.rs` writes it. */
static struct orders {
    _Atomic int64_t clock_ms;
    /* How many of the next syncs fail: of a segment, of another file of the spool, of its folder, of the list of withdrawals. */
    _Atomic int64_t failing[4];
} none, *orders = &none;

enum { SEGMENT, OTHER_FILE, FOLDER, LIST };

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KRUIMEL_TEST_FAULTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *found = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) orders = found;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int outcome = (int)syscall(SYS_clock_gettime, clock, now);
    int64_t ms = orders->clock_ms;
    if (outcome == 0 && ms != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = now->tv_nsec + ms % 1000 * 1000000 + 1000000000;
        now->tv_sec += ms / 1000 + ns / 1000000000 - 1;
        now->tv_nsec = ns % 1000000000;
    }
    return outcome;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}

/* How much of each file is on disk, the least recently synced forgotten first. */
static struct { ino_t file; off_t bytes; uint64_t at; } synced[64];
static uint64_t syncs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static off_t on_disk(ino_t file) {
    off_t bytes = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 64; i++) if (synced[i].file == file) bytes = synced[i].bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

static void is_on_disk(ino_t file, off_t bytes) {
    int place = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 64; i++) {
        if (synced[i].file == file) { place = i; break; }
        if (synced[i].at < synced[place].at) place = i;
    }
    synced[place].file = file;
    synced[place].bytes = bytes;
    synced[place].at = ++syncs;
    pthread_mutex_unlock(&lock);
}

static int sync_or_fail(int file, long call) {
    char link[64], path[4096] = "";
    struct stat about;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (!strstr(path, "/data/spool") || fstat(file, &about)) return (int)syscall(call, file);
    int kind = S_ISDIR(about.st_mode) ? FOLDER : strstr(path, ".open") ? SEGMENT
        : strstr(path, "/withdrawn") ? LIST : OTHER_FILE;
    if (orders->failing[kind] > 0 && orders->failing[kind]-- > 0) {
        off_t bytes = on_disk(about.st_ino);
        if (kind != FOLDER && bytes < about.st_size && ftruncate(file, bytes)) abort();
        errno = EIO;
        return -1;
    }
    int outcome = (int)syscall(call, file);
    if (outcome == 0 && kind != FOLDER) is_on_disk(about.st_ino, about.st_size);
    return outcome;
}

int fdatasync(int file) { return sync_or_fail(file, SYS_fdatasync); }
int fsync(int file) { return sync_or_fail(file, SYS_fsync); }
