/*
 * Walks through every function of exo_rdma, on success and on failure. Run it under valgrind:
 *     valgrind --leak-check=full --error-exitcode=9 ./exo_rdma_selftest ./libfake_verbs.so
 * With a real verbs library and --real it needs two devices that reach each other, and leaves out the faults.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exo_rdma.h"

static int failures;

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            failures++;                                                                               \
            (void)printf("line %d: %s (last error %d/%d: %s)\n", __LINE__, #condition, (int)error.code, \
                         (int)error.system_error, error.message);                                     \
        }                                                                                             \
    } while (0)

static exo_rdma_error error;
static int (*set_knob)(const char *name, long value);
static long (*get_counter)(const char *name);

/* Polls until a number of completions have come or half a minute has passed; a software driver needs the processor. */
static int collect(exo_rdma_queue *queue, exo_rdma_completion *found, int wanted)
{
    int have = 0;
    const struct timespec pause = {.tv_nsec = 1000000};
    time_t end = time(NULL) + 30;
    while (have < wanted && time(NULL) < end) {
        int32_t some = 0;
        if (exo_rdma_queue_poll(queue, found + have, wanted - have, &some, &error) != EXO_RDMA_OK) {
            return -1;
        }
        have += some;
        if (some == 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return have;
}

static int find_gid(exo_rdma_device *device, uint8_t gid[16])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, 0xFF};
    exo_rdma_port port;
    CHECK(exo_rdma_port_read(device, 1, &port, &error) == EXO_RDMA_OK);
    CHECK(port.state == 4 && port.active_mtu >= 256 && port.max_message_bytes > 0);
    for (int i = 0; i < port.gid_count; i++) {
        if (exo_rdma_gid_read(device, 1, i, gid, &error) == EXO_RDMA_OK && memcmp(gid, mapped, 12) == 0) {
            return i;
        }
    }
    return -1;
}

/* Four messages from a pair on the first device to one on the second. */
static void exchange(exo_rdma_device *devices[2], int kind)
{
    exo_rdma_queue *queues[2] = {NULL, NULL};
    exo_rdma_slab *slabs[2] = {NULL, NULL};
    exo_rdma_pair *pairs[2] = {NULL, NULL};
    exo_rdma_pair_info info[2];
    void *addresses[2] = {NULL, NULL};
    int32_t descriptor = -2, posted = -1, count = 0;
    uint8_t gids[2][16];
    int indexes[2];
    int before = failures;
    for (int i = 0; i < 2; i++) {
        indexes[i] = find_gid(devices[i], gids[i]);
        CHECK(indexes[i] >= 0);
        CHECK(exo_rdma_queue_create(devices[i], 64, &queues[i], &descriptor, &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_slab_register(devices[i], 32768, EXO_RDMA_LOCAL_WRITE, &slabs[i], &addresses[i], &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_pair_create(queues[i], kind, 1, 8, 8, &pairs[i], &info[i], &error) == EXO_RDMA_OK);
        CHECK(info[i].receive_capacity >= 8 && info[i].send_capacity >= 8);
    }
    if (failures > before) {
        return;
    }

    exo_rdma_work receives[4], sends[4];
    for (uint32_t i = 0; i < 4; i++) {
        receives[i] = (exo_rdma_work){.id = 100 + i, .offset = 16384 + i * 4096, .length = 4096};
        sends[i] = (exo_rdma_work){.id = i, .offset = i * 4096, .length = 100 * (i + 1)};
        memset((unsigned char *)addresses[0] + i * 4096, (int)('a' + i), 4096);
    }
    CHECK(exo_rdma_post_receives(pairs[1], slabs[1], receives, 4, &posted, &error) == EXO_RDMA_OK && posted == 4);
    for (int i = 0; i < 2; i++) {
        exo_rdma_route route = {.remote_number = info[1 - i].number, .remote_first_packet = 5, .local_first_packet = 5,
                                .mtu = 1024, .gid_index = indexes[i]};
        memcpy(route.remote_gid, gids[1 - i], 16);
        CHECK(exo_rdma_pair_connect(pairs[i], &route, &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_queue_arm(queues[i], &error) == EXO_RDMA_OK);
    }
    CHECK(exo_rdma_post_sends(pairs[0], slabs[0], sends, 4, &posted, &error) == EXO_RDMA_OK && posted == 4);

    exo_rdma_completion found[16];
    int finished = collect(queues[0], found, 4);
    CHECK(finished == 4);
    for (int i = 0; i < finished; i++) {
        CHECK(found[i].status == 0 && found[i].id == (uint64_t)i && found[i].pair_number == info[0].number);
    }
    finished = collect(queues[1], found, 4);
    CHECK(finished == 4);
    for (int i = 0; i < finished; i++) {
        const unsigned char *bytes = (unsigned char *)addresses[1] + 16384 + i * 4096;
        uint32_t length = 100 * ((uint32_t)i + 1);
        CHECK(found[i].status == 0 && found[i].id == 100 + (uint64_t)i && found[i].length == length);
        CHECK(bytes[0] == 'a' + i && bytes[length - 1] == 'a' + i && bytes[length] == 0);
    }
    CHECK(exo_rdma_queue_arm(queues[1], &error) == EXO_RDMA_OK);

    /* Refusals that leave everything usable. */
    exo_rdma_work outside = {.id = 1, .offset = 32000, .length = 4096};
    CHECK(exo_rdma_post_sends(pairs[0], slabs[0], &outside, 1, &posted, &error) == EXO_RDMA_BAD_ARGUMENT);
    CHECK(exo_rdma_post_sends(pairs[0], slabs[1], sends, 1, &posted, &error) == EXO_RDMA_BAD_ARGUMENT);
    outside.length = 0;
    CHECK(exo_rdma_post_receives(pairs[0], slabs[0], &outside, 1, &posted, &error) == EXO_RDMA_BAD_ARGUMENT);
    CHECK(exo_rdma_queue_close(queues[0], &error) == EXO_RDMA_BUSY);
    CHECK(exo_rdma_device_close(devices[0], &error) == EXO_RDMA_BUSY);
    CHECK(exo_rdma_queue_poll(queues[0], found, 16, &count, &error) == EXO_RDMA_OK && count == 0);
    CHECK(strlen(exo_rdma_status_text(queues[0], 5)) > 0 && strlen(exo_rdma_status_text(queues[0], 12345)) > 0);

    if (set_knob != NULL) {
        /* A queue takes no more than it holds. */
        exo_rdma_work many[40];
        for (uint32_t i = 0; i < 40; i++) {
            many[i] = (exo_rdma_work){.id = 200 + i, .offset = 16384, .length = 64};
        }
        CHECK(exo_rdma_post_receives(pairs[1], slabs[1], many, 40, &posted, &error) == EXO_RDMA_FULL && posted == 8);
        set_knob("fail_next_send", 12);
        CHECK(exo_rdma_post_sends(pairs[0], slabs[0], sends, 1, &posted, &error) == EXO_RDMA_OK);
        CHECK(collect(queues[0], found, 1) == 1 && found[0].status == 12);
        CHECK(exo_rdma_post_sends(pairs[0], slabs[0], sends, 1, &posted, &error) == EXO_RDMA_SYSTEM);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(exo_rdma_pair_close(pairs[i], &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_queue_close(queues[i], &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_slab_close(slabs[i], &error) == EXO_RDMA_OK);
    }
}

static void refuse(exo_rdma_library *library, exo_rdma_device *device)
{
    exo_rdma_device *none = NULL;
    exo_rdma_slab *slab = NULL;
    exo_rdma_queue *queue = NULL;
    exo_rdma_pair *pair = NULL;
    exo_rdma_pair_info info;
    void *address = NULL;
    int32_t descriptor = 0, fatal = 0, down = 0;
    CHECK(exo_rdma_device_open(library, "no-such-device", &none, &error) == EXO_RDMA_NO_DEVICE && none == NULL);
    CHECK(exo_rdma_library_close(library, &error) == EXO_RDMA_BUSY);
    CHECK(exo_rdma_port_read(device, 0, NULL, &error) == EXO_RDMA_BAD_ARGUMENT);
    CHECK(exo_rdma_slab_register(device, 0, 1, &slab, &address, &error) == EXO_RDMA_BAD_ARGUMENT);
    CHECK(exo_rdma_device_news(device, &fatal, &down, &error) == EXO_RDMA_OK && fatal == 0 && down == 0);
    if (set_knob == NULL) {
        return;
    }
    set_knob("register_errno", 12);
    CHECK(exo_rdma_slab_register(device, 4096, 1, &slab, &address, &error) == EXO_RDMA_NO_MEMORY && slab == NULL);
    set_knob("register_errno", 0);
    CHECK(exo_rdma_queue_create(device, 4, &queue, &descriptor, &error) == EXO_RDMA_OK);
    set_knob("max_qp", 0);
    CHECK(exo_rdma_pair_create(queue, EXO_RDMA_UNRELIABLE, 1, 4, 4, &pair, &info, &error) == EXO_RDMA_NO_MEMORY);
    set_knob("max_qp", 100);
    CHECK(exo_rdma_pair_create(queue, 7, 1, 4, 4, &pair, &info, &error) == EXO_RDMA_BAD_ARGUMENT);
    CHECK(exo_rdma_pair_create(queue, EXO_RDMA_RELIABLE, 1, 4, 4, &pair, &info, &error) == EXO_RDMA_OK);
    exo_rdma_route route = {.remote_number = 1, .mtu = 1024, .gid_index = 2};
    set_knob("connect_errno", 22);
    CHECK(exo_rdma_pair_connect(pair, &route, &error) == EXO_RDMA_SYSTEM && error.system_error == 22);
    set_knob("connect_errno", 0);
    route.mtu = 1000;
    CHECK(exo_rdma_pair_connect(pair, &route, &error) == EXO_RDMA_BAD_ARGUMENT);
    set_knob("kill_devices", 1);
    CHECK(exo_rdma_device_news(device, &fatal, &down, &error) == EXO_RDMA_OK && fatal == 1);
    set_knob("kill_devices", 0);
    CHECK(exo_rdma_pair_close(pair, &error) == EXO_RDMA_OK);
    CHECK(exo_rdma_queue_close(queue, &error) == EXO_RDMA_OK);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s VERBS_LIBRARY [--real]\n", argv[0]);
        return 2;
    }
    int real = argc > 2 && strcmp(argv[2], "--real") == 0;
    void *fake = real ? NULL : dlopen(argv[1], RTLD_NOW);
    if (fake != NULL) {
        void *set = dlsym(fake, "fake_verbs_set"), *get = dlsym(fake, "fake_verbs_get");
        memcpy(&set_knob, &set, sizeof set);
        memcpy(&get_counter, &get, sizeof get);
    }

    exo_rdma_library *library = NULL, *missing = NULL;
    exo_rdma_device *devices[2] = {NULL, NULL};
    exo_rdma_limits limits;
    char names[16][64];
    int32_t count = 0;
    CHECK(exo_rdma_abi_version() == EXO_RDMA_ABI_VERSION);
    CHECK(exo_rdma_library_open("/nonexistent/verbs.so", &missing, &error) == EXO_RDMA_NO_LIBRARY && missing == NULL);
    CHECK(strstr(error.message, "/nonexistent/verbs.so") != NULL);
    CHECK(exo_rdma_library_open("libm.so.6", &missing, &error) == EXO_RDMA_NO_SYMBOL);
    CHECK(exo_rdma_library_open(argv[1], &library, &error) == EXO_RDMA_OK);
    if (library == NULL) {
        return 1;
    }
    CHECK(strcmp(exo_rdma_library_name(library), argv[1]) == 0);
    CHECK(exo_rdma_device_list(library, names[0], 16, &count, &error) == EXO_RDMA_OK && count >= 2);
    for (int i = 0; i < 2 && i < count; i++) {
        CHECK(exo_rdma_device_open(library, names[i], &devices[i], &error) == EXO_RDMA_OK);
    }
    if (devices[0] != NULL && devices[1] != NULL) {
        CHECK(exo_rdma_device_limits(devices[0], &limits, &error) == EXO_RDMA_OK);
        CHECK(limits.max_queue_pairs > 0 && limits.max_work_requests > 0 && limits.port_count > 0);
        exchange(devices, EXO_RDMA_RELIABLE);
        exchange(devices, EXO_RDMA_UNRELIABLE);
        refuse(library, devices[0]);
        CHECK(exo_rdma_device_close(devices[0], &error) == EXO_RDMA_OK);
        CHECK(exo_rdma_device_close(devices[1], &error) == EXO_RDMA_OK);
    }
    CHECK(exo_rdma_library_close(library, &error) == EXO_RDMA_OK);
    CHECK(exo_rdma_library_close(NULL, &error) == EXO_RDMA_OK && exo_rdma_pair_close(NULL, NULL) == EXO_RDMA_OK);
    if (get_counter != NULL) {
        static const char *const kinds[] = {"contexts", "pds", "mrs", "cqs", "qps", "channels"};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            CHECK(get_counter(kinds[i]) == 0);
        }
    }
    if (fake != NULL) {
        (void)dlclose(fake);
    }
    (void)printf("%s: %d failures\n", argv[1], failures);
    return failures == 0 ? 0 : 1;
}
