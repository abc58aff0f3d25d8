/* See exo_rdma.h for the contract. */
#include "exo_rdma.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs_abi.h"

#define NAME_BYTES 64
#define PAGE_BYTES 16384 /* a page on Apple silicon; a multiple of the page elsewhere */
#define BATCH 32         /* work requests and completions per verbs call */

struct exo_rdma_library {
    void *handle;
    char name[256];
    int children;
    struct ibv_device **(*get_device_list)(int *count);
    void (*free_device_list)(struct ibv_device **list);
    const char *(*get_device_name)(struct ibv_device *device);
    struct ibv_context *(*open_device)(struct ibv_device *device);
    int (*close_device)(struct ibv_context *context);
    int (*query_device)(struct ibv_context *context, struct ibv_device_attr *attributes);
    int (*query_port)(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attributes);
    int (*query_gid)(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid);
    struct ibv_pd *(*alloc_pd)(struct ibv_context *context);
    int (*dealloc_pd)(struct ibv_pd *pd);
    struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *address, size_t length, int access);
    int (*dereg_mr)(struct ibv_mr *region);
    struct ibv_cq *(*create_cq)(struct ibv_context *context, int capacity, void *tag, struct ibv_comp_channel *channel,
                                int vector);
    int (*destroy_cq)(struct ibv_cq *cq);
    struct ibv_qp *(*create_qp)(struct ibv_pd *pd, struct ibv_qp_init_attr *attributes);
    int (*query_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attributes, int mask, struct ibv_qp_init_attr *initial);
    int (*modify_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attributes, int mask);
    int (*destroy_qp)(struct ibv_qp *qp);
    const char *(*wc_status_str)(int status);
    /* Absent from a library that offers no events; then the callers poll. */
    struct ibv_comp_channel *(*create_comp_channel)(struct ibv_context *context);
    int (*destroy_comp_channel)(struct ibv_comp_channel *channel);
    int (*get_cq_event)(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **tag);
    void (*ack_cq_events)(struct ibv_cq *cq, unsigned int count);
    int (*get_async_event)(struct ibv_context *context, struct ibv_async_event *event);
    void (*ack_async_event)(struct ibv_async_event *event);
};

struct exo_rdma_device {
    exo_rdma_library *library;
    struct ibv_context *context;
    struct ibv_pd *pd;
    int watches_events;
    int children;
};

struct exo_rdma_slab {
    exo_rdma_device *device;
    struct ibv_mr *region;
    unsigned char *memory;
    uint64_t byte_count;
};

struct exo_rdma_queue {
    exo_rdma_device *device;
    struct ibv_comp_channel *channel;
    struct ibv_cq *cq;
    int children;
};

struct exo_rdma_pair {
    exo_rdma_queue *queue;
    struct ibv_qp *qp;
    int kind;
    uint8_t port;
};

/* ---- errors ------------------------------------------------------------------------------------------------- */

static int32_t fail(exo_rdma_error *error, int32_t code, int system_error, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

static int32_t fail(exo_rdma_error *error, int32_t code, int system_error, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        error->code = code;
        error->system_error = system_error;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        if (system_error != 0) {
            size_t used = strlen(error->message);
            (void)snprintf(error->message + used, sizeof error->message - used, ": %s (%d)", strerror(system_error),
                           system_error);
        }
    }
    return code;
}

static int32_t succeed(exo_rdma_error *error)
{
    if (error != NULL) {
        memset(error, 0, sizeof *error);
    }
    return EXO_RDMA_OK;
}

/* Verbs calls answer with an error number, with -1 and errno, or with a null pointer and errno. */
static int number_of(int answer)
{
    int number = answer > 0 ? answer : errno;
    return number != 0 ? number : EIO;
}

static int32_t code_of(int number)
{
    return number == ENOMEM ? EXO_RDMA_NO_MEMORY : number == ENODEV ? EXO_RDMA_NO_DEVICE : EXO_RDMA_SYSTEM;
}

static int32_t fail_call(exo_rdma_error *error, int answer, const char *what)
{
    int number = number_of(answer);
    return fail(error, code_of(number), number, "%s failed", what);
}

#define REQUIRE(condition, error)                                                              \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            return fail((error), EXO_RDMA_BAD_ARGUMENT, 0, "%s: expected %s", __func__, #condition); \
        }                                                                                      \
    } while (0)

/* ---- the verbs library -------------------------------------------------------------------------------------- */

static const char *const usual_names[] = {
#if defined(__APPLE__)
    "librdma.dylib",
    "/usr/lib/librdma.dylib",
    "/usr/local/lib/librdma.dylib",
#else
    "libibverbs.so.1",
    "libibverbs.so",
#endif
};

struct symbol {
    const char *name;
    void *target; /* a function pointer of the library's table */
    int needed;
};

static int32_t load_symbols(exo_rdma_library *l, exo_rdma_error *error)
{
    const struct symbol symbols[] = {
        {"ibv_get_device_list", &l->get_device_list, 1},
        {"ibv_free_device_list", &l->free_device_list, 1},
        {"ibv_get_device_name", &l->get_device_name, 1},
        {"ibv_open_device", &l->open_device, 1},
        {"ibv_close_device", &l->close_device, 1},
        {"ibv_query_device", &l->query_device, 1},
        {"ibv_query_port", &l->query_port, 1},
        {"ibv_query_gid", &l->query_gid, 1},
        {"ibv_alloc_pd", &l->alloc_pd, 1},
        {"ibv_dealloc_pd", &l->dealloc_pd, 1},
        {"ibv_reg_mr", &l->reg_mr, 1},
        {"ibv_dereg_mr", &l->dereg_mr, 1},
        {"ibv_create_cq", &l->create_cq, 1},
        {"ibv_destroy_cq", &l->destroy_cq, 1},
        {"ibv_create_qp", &l->create_qp, 1},
        {"ibv_query_qp", &l->query_qp, 1},
        {"ibv_modify_qp", &l->modify_qp, 1},
        {"ibv_destroy_qp", &l->destroy_qp, 1},
        {"ibv_wc_status_str", &l->wc_status_str, 0},
        {"ibv_create_comp_channel", &l->create_comp_channel, 0},
        {"ibv_destroy_comp_channel", &l->destroy_comp_channel, 0},
        {"ibv_get_cq_event", &l->get_cq_event, 0},
        {"ibv_ack_cq_events", &l->ack_cq_events, 0},
        {"ibv_get_async_event", &l->get_async_event, 0},
        {"ibv_ack_async_event", &l->ack_async_event, 0},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *found = dlsym(l->handle, symbols[i].name);
        if (found == NULL && symbols[i].needed) {
            return fail(error, EXO_RDMA_NO_SYMBOL, 0, "%s has no function %s", l->name, symbols[i].name);
        }
        /* POSIX lets a function's address pass through a pointer to an object; ISO C has no cast for it. */
        memcpy(symbols[i].target, &found, sizeof found);
    }
    if (l->destroy_comp_channel == NULL || l->get_cq_event == NULL || l->ack_cq_events == NULL) {
        l->create_comp_channel = NULL;
    }
    if (l->ack_async_event == NULL) {
        l->get_async_event = NULL;
    }
    return EXO_RDMA_OK;
}

uint32_t exo_rdma_abi_version(void) { return EXO_RDMA_ABI_VERSION; }

int32_t exo_rdma_library_open(const char *path, exo_rdma_library **library, exo_rdma_error *error)
{
    REQUIRE(library != NULL, error);
    *library = NULL;
    exo_rdma_library *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(error, EXO_RDMA_NO_MEMORY, ENOMEM, "the library's table");
    }

    const char *const *names = path != NULL ? &path : usual_names;
    size_t count = path != NULL ? 1 : sizeof usual_names / sizeof usual_names[0];
    char tried[400] = "";
    for (size_t i = 0; i < count && made->handle == NULL; i++) {
        made->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (made->handle != NULL) {
            (void)snprintf(made->name, sizeof made->name, "%s", names[i]);
        } else {
            const char *why = dlerror();
            size_t used = strlen(tried);
            (void)snprintf(tried + used, sizeof tried - used, "%s%s", used > 0 ? "; " : "",
                           why != NULL ? why : names[i]);
        }
    }
    if (made->handle == NULL) {
        free(made);
        return fail(error, EXO_RDMA_NO_LIBRARY, 0, "no verbs library could be loaded: %s", tried);
    }

    int32_t code = load_symbols(made, error);
    if (code != EXO_RDMA_OK) {
        (void)dlclose(made->handle);
        free(made);
        return code;
    }
    *library = made;
    return succeed(error);
}

int32_t exo_rdma_library_close(exo_rdma_library *library, exo_rdma_error *error)
{
    if (library == NULL) {
        return succeed(error);
    }
    if (library->children > 0) {
        return fail(error, EXO_RDMA_BUSY, 0, "%d devices of the library are open", library->children);
    }
    (void)dlclose(library->handle);
    free(library);
    return succeed(error);
}

const char *exo_rdma_library_name(const exo_rdma_library *library) { return library != NULL ? library->name : ""; }

/* ---- devices ------------------------------------------------------------------------------------------------ */

int32_t exo_rdma_device_list(exo_rdma_library *library, char *names, int32_t capacity, int32_t *count,
                             exo_rdma_error *error)
{
    REQUIRE(library != NULL && count != NULL && capacity >= 0 && (names != NULL || capacity == 0), error);
    int found = 0;
    *count = 0;
    errno = 0;
    struct ibv_device **list = library->get_device_list(&found);
    if (list == NULL) {
        /* A kernel without RDMA answers so; it is a machine without devices. */
        int number = errno;
        if (number == ENOSYS || number == ENOENT || number == 0) {
            return succeed(error);
        }
        return fail(error, code_of(number), number, "ibv_get_device_list failed");
    }
    for (int i = 0; i < found && i < capacity; i++) {
        (void)snprintf(names + (size_t)i * NAME_BYTES, NAME_BYTES, "%s", library->get_device_name(list[i]));
    }
    library->free_device_list(list);
    *count = found;
    return succeed(error);
}

static int never_block(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 ? -1 : fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

int32_t exo_rdma_device_open(exo_rdma_library *library, const char *name, exo_rdma_device **device,
                             exo_rdma_error *error)
{
    REQUIRE(library != NULL && name != NULL && device != NULL, error);
    *device = NULL;
    exo_rdma_device *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(error, EXO_RDMA_NO_MEMORY, ENOMEM, "device %s", name);
    }

    int found = 0;
    struct ibv_device **list = library->get_device_list(&found);
    for (int i = 0; list != NULL && i < found && made->context == NULL; i++) {
        if (strcmp(library->get_device_name(list[i]), name) == 0) {
            errno = 0;
            made->context = library->open_device(list[i]);
            if (made->context == NULL) {
                int number = number_of(0);
                library->free_device_list(list);
                free(made);
                return fail(error, code_of(number), number, "ibv_open_device of %s failed", name);
            }
        }
    }
    if (list != NULL) {
        library->free_device_list(list);
    }
    if (made->context == NULL) {
        free(made);
        return fail(error, EXO_RDMA_NO_DEVICE, 0, "there is no RDMA device %s", name);
    }

    made->library = library;
    errno = 0;
    made->pd = library->alloc_pd(made->context);
    if (made->pd == NULL) {
        int number = number_of(0);
        (void)library->close_device(made->context);
        free(made);
        return fail(error, code_of(number), number, "ibv_alloc_pd on %s failed", name);
    }
    made->watches_events = library->get_async_event != NULL && never_block(made->context->async_fd) == 0;
    library->children++;
    *device = made;
    return succeed(error);
}

int32_t exo_rdma_device_close(exo_rdma_device *device, exo_rdma_error *error)
{
    if (device == NULL) {
        return succeed(error);
    }
    if (device->children > 0) {
        return fail(error, EXO_RDMA_BUSY, 0, "%d slabs and queues of the device are open", device->children);
    }
    /* What fails here cannot be repaired and must not keep the rest from being released. */
    int first = device->library->dealloc_pd(device->pd);
    int second = device->library->close_device(device->context);
    device->library->children--;
    free(device);
    return first != 0 || second != 0 ? fail_call(error, first != 0 ? first : second, "closing the device")
                                     : succeed(error);
}

int32_t exo_rdma_device_limits(exo_rdma_device *device, exo_rdma_limits *limits, exo_rdma_error *error)
{
    REQUIRE(device != NULL && limits != NULL, error);
    struct ibv_device_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    int answer = device->library->query_device(device->context, &attributes);
    if (answer != 0) {
        return fail_call(error, answer, "ibv_query_device");
    }
    memset(limits, 0, sizeof *limits);
    limits->max_region_bytes = attributes.max_mr_size > INT64_MAX ? INT64_MAX : (int64_t)attributes.max_mr_size;
    limits->max_queue_pairs = attributes.max_qp;
    limits->max_regions = attributes.max_mr;
    limits->max_work_requests = attributes.max_qp_wr;
    limits->max_completions = attributes.max_cqe;
    limits->port_count = attributes.phys_port_cnt;
    return succeed(error);
}

int32_t exo_rdma_port_read(exo_rdma_device *device, int32_t port, exo_rdma_port *info, exo_rdma_error *error)
{
    REQUIRE(device != NULL && info != NULL && port >= 1 && port <= 255, error);
    struct ibv_port_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    int answer = device->library->query_port(device->context, (uint8_t)port, &attributes);
    if (answer != 0) {
        return fail_call(error, answer, "ibv_query_port");
    }
    memset(info, 0, sizeof *info);
    info->state = (int32_t)attributes.state;
    info->active_mtu = (int)attributes.active_mtu >= 1 && (int)attributes.active_mtu <= 5
                           ? 128 << (int)attributes.active_mtu
                           : 0;
    info->gid_count = attributes.gid_tbl_len;
    info->link_layer = attributes.link_layer;
    info->max_message_bytes = attributes.max_msg_sz;
    return succeed(error);
}

int32_t exo_rdma_gid_read(exo_rdma_device *device, int32_t port, int32_t index, uint8_t gid[16], exo_rdma_error *error)
{
    REQUIRE(device != NULL && gid != NULL && port >= 1 && port <= 255 && index >= 0, error);
    union ibv_gid found;
    memset(&found, 0, sizeof found);
    errno = 0;
    int answer = device->library->query_gid(device->context, (uint8_t)port, index, &found);
    if (answer != 0) {
        return fail_call(error, answer, "ibv_query_gid");
    }
    memcpy(gid, found.raw, sizeof found.raw);
    return succeed(error);
}

int32_t exo_rdma_device_news(exo_rdma_device *device, int32_t *fatal, int32_t *port_down, exo_rdma_error *error)
{
    REQUIRE(device != NULL && fatal != NULL && port_down != NULL, error);
    *fatal = 0;
    *port_down = 0;
    if (!device->watches_events) {
        return succeed(error);
    }
    struct ibv_async_event event;
    memset(&event, 0, sizeof event);
    errno = 0;
    if (device->library->get_async_event(device->context, &event) != 0) {
        /* Nothing there, or a device that was torn away under us. */
        *fatal = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == 0 ? 0 : 1;
        return succeed(error);
    }
    int kind = (int)event.event_type;
    device->library->ack_async_event(&event);
    *fatal = kind == IBV_EVENT_DEVICE_FATAL || kind == IBV_EVENT_QP_FATAL || kind == IBV_EVENT_CQ_ERR
             || kind == IBV_EVENT_QP_REQ_ERR || kind == IBV_EVENT_QP_ACCESS_ERR;
    *port_down = kind == IBV_EVENT_PORT_ERR;
    return succeed(error);
}

/* ---- registered memory -------------------------------------------------------------------------------------- */

int32_t exo_rdma_slab_register(exo_rdma_device *device, uint64_t byte_count, uint32_t access, exo_rdma_slab **slab,
                               void **address, exo_rdma_error *error)
{
    REQUIRE(device != NULL && slab != NULL && address != NULL && byte_count > 0 && byte_count <= (uint64_t)1 << 40, error);
    *slab = NULL;
    *address = NULL;
    uint64_t rounded = (byte_count + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    exo_rdma_slab *made = calloc(1, sizeof *made);
    void *memory = NULL;
    if (made == NULL || posix_memalign(&memory, PAGE_BYTES, (size_t)rounded) != 0) {
        free(made);
        return fail(error, EXO_RDMA_NO_MEMORY, ENOMEM, "a slab of %llu bytes", (unsigned long long)byte_count);
    }
    memset(memory, 0, (size_t)rounded);

    int rights = ((access & EXO_RDMA_LOCAL_WRITE) != 0 ? IBV_ACCESS_LOCAL_WRITE : 0)
                 | ((access & EXO_RDMA_REMOTE_WRITE) != 0 ? IBV_ACCESS_REMOTE_WRITE : 0)
                 | ((access & EXO_RDMA_REMOTE_READ) != 0 ? IBV_ACCESS_REMOTE_READ : 0);
    errno = 0;
    made->region = device->library->reg_mr(device->pd, memory, (size_t)rounded, rights);
    if (made->region == NULL) {
        int number = number_of(0);
        free(memory);
        free(made);
        return fail(error, code_of(number), number, "ibv_reg_mr of %llu bytes failed", (unsigned long long)byte_count);
    }
    made->device = device;
    made->memory = memory;
    made->byte_count = rounded;
    device->children++;
    *slab = made;
    *address = memory;
    return succeed(error);
}

int32_t exo_rdma_slab_close(exo_rdma_slab *slab, exo_rdma_error *error)
{
    if (slab == NULL) {
        return succeed(error);
    }
    int answer = slab->device->library->dereg_mr(slab->region);
    slab->device->children--;
    if (answer == 0) {
        free(slab->memory);
    }
    /* Memory that a device may still write to is never given back to the allocator. */
    free(slab);
    return answer != 0 ? fail_call(error, answer, "ibv_dereg_mr") : succeed(error);
}

/* ---- completion queues -------------------------------------------------------------------------------------- */

int32_t exo_rdma_queue_create(exo_rdma_device *device, int32_t capacity, exo_rdma_queue **queue,
                              int32_t *event_descriptor, exo_rdma_error *error)
{
    REQUIRE(device != NULL && queue != NULL && event_descriptor != NULL && capacity > 0, error);
    *queue = NULL;
    *event_descriptor = -1;
    exo_rdma_library *l = device->library;
    exo_rdma_queue *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(error, EXO_RDMA_NO_MEMORY, ENOMEM, "a completion queue");
    }
    if (l->create_comp_channel != NULL) {
        made->channel = l->create_comp_channel(device->context);
        if (made->channel != NULL && never_block(made->channel->fd) != 0) {
            (void)l->destroy_comp_channel(made->channel);
            made->channel = NULL;
        }
    }
    errno = 0;
    made->cq = l->create_cq(device->context, capacity, NULL, made->channel, 0);
    if (made->cq == NULL) {
        int number = number_of(0);
        if (made->channel != NULL) {
            (void)l->destroy_comp_channel(made->channel);
        }
        free(made);
        return fail(error, code_of(number), number, "ibv_create_cq of %d entries failed", (int)capacity);
    }
    made->device = device;
    device->children++;
    *event_descriptor = made->channel != NULL ? made->channel->fd : -1;
    *queue = made;
    return succeed(error);
}

static void drain_events(exo_rdma_queue *queue)
{
    struct ibv_cq *cq = NULL;
    void *tag = NULL;
    unsigned int count = 0;
    while (queue->channel != NULL && queue->device->library->get_cq_event(queue->channel, &cq, &tag) == 0) {
        count++;
    }
    if (count > 0) {
        queue->device->library->ack_cq_events(queue->cq, count);
    }
}

int32_t exo_rdma_queue_close(exo_rdma_queue *queue, exo_rdma_error *error)
{
    if (queue == NULL) {
        return succeed(error);
    }
    if (queue->children > 0) {
        return fail(error, EXO_RDMA_BUSY, 0, "%d queue pairs of the completion queue are open", queue->children);
    }
    exo_rdma_library *l = queue->device->library;
    drain_events(queue); /* ibv_destroy_cq waits for events that were taken and not acknowledged */
    int answer = l->destroy_cq(queue->cq);
    if (queue->channel != NULL) {
        (void)l->destroy_comp_channel(queue->channel);
    }
    queue->device->children--;
    free(queue);
    return answer != 0 ? fail_call(error, answer, "ibv_destroy_cq") : succeed(error);
}

int32_t exo_rdma_queue_arm(exo_rdma_queue *queue, exo_rdma_error *error)
{
    REQUIRE(queue != NULL, error);
    if (queue->channel == NULL) {
        return succeed(error);
    }
    drain_events(queue);
    int answer = queue->cq->context->ops.req_notify_cq(queue->cq, 0);
    return answer != 0 ? fail_call(error, answer, "ibv_req_notify_cq") : succeed(error);
}

int32_t exo_rdma_queue_poll(exo_rdma_queue *queue, exo_rdma_completion *completions, int32_t capacity, int32_t *count,
                            exo_rdma_error *error)
{
    REQUIRE(queue != NULL && completions != NULL && count != NULL && capacity > 0, error);
    struct ibv_wc found[BATCH];
    *count = 0;
    int answer = queue->cq->context->ops.poll_cq(queue->cq, capacity < BATCH ? capacity : BATCH, found);
    if (answer < 0) {
        return fail(error, EXO_RDMA_SYSTEM, number_of(answer), "ibv_poll_cq failed");
    }
    for (int i = 0; i < answer; i++) {
        completions[i].id = found[i].wr_id;
        completions[i].status = (int32_t)found[i].status;
        completions[i].length = found[i].byte_len;
        completions[i].pair_number = found[i].qp_num;
        completions[i].vendor_error = found[i].vendor_err;
    }
    *count = answer;
    return EXO_RDMA_OK;
}

const char *exo_rdma_status_text(exo_rdma_queue *queue, int32_t status)
{
    const char *text = NULL;
    if (queue != NULL && queue->device->library->wc_status_str != NULL) {
        text = queue->device->library->wc_status_str(status);
    }
    return text != NULL ? text : "unknown status";
}

/* ---- queue pairs -------------------------------------------------------------------------------------------- */

int32_t exo_rdma_pair_create(exo_rdma_queue *queue, int32_t kind, int32_t port, int32_t send_depth,
                             int32_t receive_depth, exo_rdma_pair **pair, exo_rdma_pair_info *info,
                             exo_rdma_error *error)
{
    REQUIRE(queue != NULL && pair != NULL && info != NULL && port >= 1 && port <= 255, error);
    REQUIRE(kind == EXO_RDMA_RELIABLE || kind == EXO_RDMA_UNRELIABLE, error);
    REQUIRE(send_depth > 0 && receive_depth > 0, error);
    *pair = NULL;
    exo_rdma_library *l = queue->device->library;
    exo_rdma_pair *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(error, EXO_RDMA_NO_MEMORY, ENOMEM, "a queue pair");
    }

    struct ibv_qp_init_attr initial;
    memset(&initial, 0, sizeof initial);
    initial.send_cq = queue->cq;
    initial.recv_cq = queue->cq;
    initial.cap.max_send_wr = (uint32_t)send_depth;
    initial.cap.max_recv_wr = (uint32_t)receive_depth;
    initial.cap.max_send_sge = 1;
    initial.cap.max_recv_sge = 1;
    initial.qp_type = kind == EXO_RDMA_RELIABLE ? IBV_QPT_RC : IBV_QPT_UC;
    initial.sq_sig_all = 1;
    errno = 0;
    made->qp = l->create_qp(queue->device->pd, &initial);
    if (made->qp == NULL) {
        int number = number_of(0);
        free(made);
        return fail(error, code_of(number), number, "ibv_create_qp (%s, %d sends, %d receives) failed",
                    kind == EXO_RDMA_RELIABLE ? "RC" : "UC", (int)send_depth, (int)receive_depth);
    }

    struct ibv_qp_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.qp_state = IBV_QPS_INIT;
    attributes.port_num = (uint8_t)port;
    int answer = l->modify_qp(made->qp, &attributes, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
    if (answer != 0) {
        int number = number_of(answer);
        (void)l->destroy_qp(made->qp);
        free(made);
        return fail(error, code_of(number), number, "ibv_modify_qp to INIT failed");
    }

    /* What the device really gave, which may be more or, where depth is counted in frames, less than asked for. */
    struct ibv_qp_init_attr granted;
    memset(&granted, 0, sizeof granted);
    memset(&attributes, 0, sizeof attributes);
    if (l->query_qp(made->qp, &attributes, IBV_QP_CAP, &granted) != 0 || granted.cap.max_recv_wr == 0) {
        granted.cap = initial.cap;
    }
    memset(info, 0, sizeof *info);
    info->number = made->qp->qp_num;
    info->send_capacity = (int32_t)granted.cap.max_send_wr;
    info->receive_capacity = (int32_t)granted.cap.max_recv_wr;
    made->queue = queue;
    made->kind = kind;
    made->port = (uint8_t)port;
    queue->children++;
    *pair = made;
    return succeed(error);
}

int32_t exo_rdma_pair_connect(exo_rdma_pair *pair, const exo_rdma_route *route, exo_rdma_error *error)
{
    REQUIRE(pair != NULL && route != NULL, error);
    REQUIRE(route->gid_index >= 0 && route->gid_index <= 255, error);
    int mtu = 0;
    for (int i = 1; i <= 5; i++) {
        mtu = 128 << i == route->mtu ? i : mtu;
    }
    REQUIRE(mtu != 0, error);

    struct ibv_qp_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.qp_state = IBV_QPS_RTR;
    attributes.path_mtu = mtu;
    attributes.dest_qp_num = route->remote_number;
    attributes.rq_psn = route->remote_first_packet & 0xFFFFFF;
    attributes.ah_attr.is_global = 1;
    attributes.ah_attr.port_num = pair->port;
    attributes.ah_attr.grh.hop_limit = 64;
    attributes.ah_attr.grh.sgid_index = (uint8_t)route->gid_index;
    memcpy(attributes.ah_attr.grh.dgid.raw, route->remote_gid, sizeof route->remote_gid);
    int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
    if (pair->kind == EXO_RDMA_RELIABLE) {
        attributes.max_dest_rd_atomic = 1;
        attributes.min_rnr_timer = 1; /* 10 microseconds until a send that found no receive is tried again */
        mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
    }
    int answer = pair->queue->device->library->modify_qp(pair->qp, &attributes, mask);
    if (answer != 0) {
        return fail_call(error, answer, "ibv_modify_qp to RTR (is the interface up, with an IPv4 address?)");
    }

    memset(&attributes, 0, sizeof attributes);
    attributes.qp_state = IBV_QPS_RTS;
    attributes.sq_psn = route->local_first_packet & 0xFFFFFF;
    mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
    if (pair->kind == EXO_RDMA_RELIABLE) {
        attributes.timeout = 14; /* 67 milliseconds without an acknowledgment, then again, 7 times */
        attributes.retry_cnt = 7;
        attributes.rnr_retry = 7; /* for ever: flow control is the caller's, liveness too */
        attributes.max_rd_atomic = 1;
        mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
    }
    answer = pair->queue->device->library->modify_qp(pair->qp, &attributes, mask);
    return answer != 0 ? fail_call(error, answer, "ibv_modify_qp to RTS") : succeed(error);
}

int32_t exo_rdma_pair_close(exo_rdma_pair *pair, exo_rdma_error *error)
{
    if (pair == NULL) {
        return succeed(error);
    }
    int answer = pair->queue->device->library->destroy_qp(pair->qp);
    pair->queue->children--;
    free(pair);
    return answer != 0 ? fail_call(error, answer, "ibv_destroy_qp") : succeed(error);
}

/* ---- work --------------------------------------------------------------------------------------------------- */

static int32_t check_work(const exo_rdma_pair *pair, const exo_rdma_slab *slab, const exo_rdma_work *work,
                          int32_t count, const int32_t *posted, exo_rdma_error *error)
{
    REQUIRE(pair != NULL && slab != NULL && posted != NULL && count >= 0 && (work != NULL || count == 0), error);
    REQUIRE(pair->queue->device == slab->device, error);
    for (int32_t i = 0; i < count; i++) {
        if (work[i].length == 0 || work[i].length > slab->byte_count
            || work[i].offset > slab->byte_count - work[i].length) {
            return fail(error, EXO_RDMA_BAD_ARGUMENT, 0, "%u bytes at %llu lie outside a slab of %llu bytes",
                        (unsigned)work[i].length, (unsigned long long)work[i].offset,
                        (unsigned long long)slab->byte_count);
        }
    }
    return EXO_RDMA_OK;
}

static void describe(struct ibv_sge *piece, const exo_rdma_slab *slab, const exo_rdma_work *work)
{
    piece->addr = (uint64_t)(uintptr_t)(slab->memory + work->offset);
    piece->length = work->length;
    piece->lkey = slab->region->lkey;
}

static int32_t explain_post(exo_rdma_error *error, int answer, const char *what)
{
    int number = number_of(answer);
    return number == ENOMEM ? fail(error, EXO_RDMA_FULL, number, "%s: the queue is full", what)
                            : fail_call(error, answer, what);
}

int32_t exo_rdma_post_receives(exo_rdma_pair *pair, exo_rdma_slab *slab, const exo_rdma_work *work, int32_t count,
                               int32_t *posted, exo_rdma_error *error)
{
    int32_t code = check_work(pair, slab, work, count, posted, error);
    if (code != EXO_RDMA_OK) {
        return code;
    }
    *posted = 0;
    while (*posted < count) {
        struct ibv_recv_wr requests[BATCH];
        struct ibv_sge pieces[BATCH];
        struct ibv_recv_wr *bad = NULL;
        int some = count - *posted < BATCH ? count - *posted : BATCH;
        memset(requests, 0, sizeof requests);
        for (int i = 0; i < some; i++) {
            describe(&pieces[i], slab, &work[*posted + i]);
            requests[i].wr_id = work[*posted + i].id;
            requests[i].sg_list = &pieces[i];
            requests[i].num_sge = 1;
            requests[i].next = i + 1 < some ? &requests[i + 1] : NULL;
        }
        errno = 0;
        int answer = pair->qp->context->ops.post_recv(pair->qp, requests, &bad);
        if (answer != 0) {
            *posted += bad != NULL ? (int32_t)(bad - requests) : 0;
            return explain_post(error, answer, "ibv_post_recv");
        }
        *posted += some;
    }
    return EXO_RDMA_OK;
}

int32_t exo_rdma_post_sends(exo_rdma_pair *pair, exo_rdma_slab *slab, const exo_rdma_work *work, int32_t count,
                            int32_t *posted, exo_rdma_error *error)
{
    int32_t code = check_work(pair, slab, work, count, posted, error);
    if (code != EXO_RDMA_OK) {
        return code;
    }
    *posted = 0;
    while (*posted < count) {
        struct ibv_send_wr requests[BATCH];
        struct ibv_sge pieces[BATCH];
        struct ibv_send_wr *bad = NULL;
        int some = count - *posted < BATCH ? count - *posted : BATCH;
        for (int i = 0; i < some; i++) {
            memset(&requests[i], 0, sizeof requests[i]);
            describe(&pieces[i], slab, &work[*posted + i]);
            requests[i].wr_id = work[*posted + i].id;
            requests[i].sg_list = &pieces[i];
            requests[i].num_sge = 1;
            requests[i].opcode = IBV_WR_SEND;
            requests[i].send_flags = IBV_SEND_SIGNALED;
            requests[i].next = i + 1 < some ? &requests[i + 1] : NULL;
        }
        errno = 0;
        int answer = pair->qp->context->ops.post_send(pair->qp, requests, &bad);
        if (answer != 0) {
            *posted += bad != NULL ? (int32_t)(bad - requests) : 0;
            return explain_post(error, answer, "ibv_post_send");
        }
        *posted += some;
    }
    return EXO_RDMA_OK;
}
