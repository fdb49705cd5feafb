/* The time of day, off by as many seconds as the file PARLANCE_MONTH_CLOCK says: the sum of two signed 64-bit numbers in
 * a shared mapping, so that all processes step at once. Monotonic clocks and the times of files stay as they are. Waits
 * until a time of day are put back to the machine's; those until a monotonic time are told by their small numbers.
 *
 * Who sleeps for long, as a client does that keeps to a server's limit a minute, does not: the clock is stepped by as
 * much, and the second number says by how much in all. Where PARLANCE_MONTH_IMPATIENT is set, as for the daemon, that
 * waits for a minute or half of one between two looks, long waits with a limit end soon.
 *
 * cc -shared -fPIC -O2 -o month_clock.so month_clock.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TIME_OF_DAY 500000000 /* no machine is up for sixteen years */
#define LONG_SLEEP 10         /* seconds */
#define LONG_WAIT 3

static volatile int64_t *off;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_cond)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_sem)(sem_t *, const struct timespec *);
static int (*real_mutex)(pthread_mutex_t *, const struct timespec *);
static int (*real_clock_sem)(sem_t *, clockid_t, const struct timespec *);
static int is_impatient;
static int (*real_sleep)(clockid_t, int, const struct timespec *, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    if (real_gettime) return;
    const char *path = getenv("PARLANCE_MONTH_CLOCK");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *mapped = mmap(NULL, 2 * sizeof *off, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED) off = mapped;
        close(file);
    }
    /* The old versions of the waits on conditions, which a plain look-up may give, have another layout. */
    real_cond = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real_cond) real_cond = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    real_sem = dlsym(RTLD_NEXT, "sem_timedwait");
    real_mutex = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
    is_impatient = getenv("PARLANCE_MONTH_IMPATIENT") != NULL;
    real_clock_sem = dlsym(RTLD_NEXT, "sem_clockwait");
    real_sleep = dlsym(RTLD_NEXT, "clock_nanosleep");
    real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

static int64_t shift(void) {
    if (!real_gettime) begin();
    return off ? off[0] + off[1] : 0;
}

static const struct timespec *real(const struct timespec *until, struct timespec *put) {
    int64_t by = shift();
    if (!until || !by || until->tv_sec < TIME_OF_DAY) return until;
    *put = *until;
    put->tv_sec -= by;
    return put;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int64_t by = shift();
    int code = real_gettime(clock, now);
    if (!code && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += by;
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    if (now) {
        now->tv_sec = found.tv_sec;
        now->tv_usec = found.tv_nsec / 1000;
    }
    return 0;
}

time_t time(time_t *now) {
    struct timespec found;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    struct timespec put;
    until = real(until, &put);
    return real_cond(condition, mutex, until);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    struct timespec put;
    until = real(until, &put);
    return real_sem(semaphore, until);
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until) {
    struct timespec soon;
    if (shift() && is_impatient && clock == CLOCK_MONOTONIC && !real_gettime(clock, &soon)) {
        soon.tv_sec += 1;
        if (until->tv_sec - soon.tv_sec >= LONG_WAIT) until = &soon;
    }
    return real_clock_sem(semaphore, clock, until);
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until) {
    struct timespec put;
    until = real(until, &put);
    return real_mutex(mutex, until);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    struct timespec now = {0, 0}, moment = {0, 50000000};
    if (shift() && clock == CLOCK_MONOTONIC) {
        if (flags & TIMER_ABSTIME) real_gettime(clock, &now);
        int64_t seconds = until->tv_sec - now.tv_sec;
        if (seconds >= LONG_SLEEP) {
            __atomic_fetch_add(&off[1], seconds + 1, __ATOMIC_SEQ_CST);
            return real_sleep(clock, 0, &moment, NULL);
        }
    }
    return real_sleep(clock, flags, until, left);
}
