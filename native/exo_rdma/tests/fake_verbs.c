/*
 * A verbs library for tests: devices, queue pairs and wires that live in this process's memory, with the failures of
 * real ones on demand. It is loaded in place of libibverbs; exo_rdma and the C# above it cannot tell.
 *
 * Unreliable pairs behave as real ones do: a message without a posted receive vanishes and the sender sees success, a
 * receive that is too short kills the receiver's pair and the sender sees success. Reliable pairs wait for a receive.
 *
 * fake_verbs_set(knob, value) and fake_verbs_get(counter) are the tests' handles; both take names, listed below.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs_abi.h"

#define FRAME_BYTES 4096

enum knob {
    KNOB_DEVICES,            /* how many devices there are; two each share a subnet */
    KNOB_MAX_QP,             /* limits, enforced */
    KNOB_MAX_MR,
    KNOB_MAX_WR,
    KNOB_MAX_MESSAGE,
    KNOB_COUNT_FRAMES,       /* queue depth counts 4 KiB frames; a SEND and its RECV must be equal in frames */
    KNOB_NO_UNRELIABLE,      /* UC cannot be made */
    KNOB_NO_RELIABLE,        /* RC cannot be made */
    KNOB_LOSE_PERMILLE,      /* faults of unreliable messages */
    KNOB_DUPLICATE_PERMILLE,
    KNOB_SWAP_PERMILLE,      /* a message comes after the next one */
    KNOB_GARBLE_NEXT,        /* the next message arrives with its first byte changed */
    KNOB_CUT_NEXT,           /* the next message arrives with its last byte missing */
    KNOB_BLACK_HOLE,         /* nothing arrives; reliable sends stay open */
    KNOB_FAIL_NEXT_SEND,     /* the next send completes with this status */
    KNOB_REGISTER_ERRNO,     /* calls that fail with this error number */
    KNOB_CONNECT_ERRNO,
    KNOB_POST_ERRNO,
    KNOB_REFUSE_LOCAL_WRITE, /* registration with LOCAL_WRITE alone fails with EINVAL */
    KNOB_NO_IPV4,            /* the GID table has no IPv4-mapped entry */
    KNOB_PORT_STATE,         /* 4 is active */
    KNOB_KILL_DEVICES,       /* every open device reports a fatal event and refuses work */
    KNOB_SEED,
    KNOB_COUNT
};

static const char *const knob_names[KNOB_COUNT] = {
    "devices", "max_qp", "max_mr", "max_wr", "max_message", "count_frames", "no_unreliable", "no_reliable",
    "lose_permille", "duplicate_permille", "swap_permille", "garble_next", "cut_next", "black_hole", "fail_next_send",
    "register_errno", "connect_errno", "post_errno", "refuse_local_write", "no_ipv4", "port_state", "kill_devices",
    "seed"};

enum counter {
    COUNT_CONTEXTS, COUNT_PDS, COUNT_MRS, COUNT_CQS, COUNT_QPS, COUNT_CHANNELS,
    COUNT_SENT, COUNT_LOST, COUNT_UNPOSTED, COUNT_DUPLICATED, COUNT_SWAPPED,
    COUNT_COUNT
};

static const char *const counter_names[COUNT_COUNT] = {"contexts", "pds", "mrs", "cqs", "qps", "channels",
    "sent", "lost", "unposted", "duplicated", "swapped"};

struct message {
    struct message *next;
    struct fake_qp *from; /* a reliable sender that waits for delivery, or null */
    uint64_t id;
    uint32_t length;
    unsigned char bytes[];
};

struct ibv_device { int index; char name[16]; };
struct ibv_pd { struct ibv_context *context; };

struct fake_context {
    struct ibv_context base; /* first, so that both addresses are equal */
    int news[2];
    struct fake_context *next;
};

struct fake_channel {
    struct ibv_comp_channel base;
    int pipe[2];
};

struct fake_cq {
    struct ibv_cq base;
    struct fake_channel *channel;
    int armed, capacity, first, count;
    struct ibv_wc *entries;
};

struct fake_qp {
    struct ibv_qp base;
    struct fake_qp *next;
    struct fake_cq *cq;
    int kind, state, receive_count, receive_units, send_open, max_send, max_receive;
    uint32_t peer;
    struct ibv_recv_wr *receives; /* a ring of max_receive */
    struct ibv_sge *pieces;
    int first;
    struct message *waiting, *held; /* for a receive; to come after the next one */
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static long knobs[KNOB_COUNT] = {[KNOB_DEVICES] = 2, [KNOB_MAX_QP] = 1000, [KNOB_MAX_MR] = 1000, [KNOB_MAX_WR] = 16384,
                                 [KNOB_MAX_MESSAGE] = 1 << 23, [KNOB_PORT_STATE] = 4};
static long counters[COUNT_COUNT];
static struct fake_qp *pairs;
static struct fake_context *contexts;
static uint32_t next_number = 17, next_key = 1;
static uint64_t random_state = 88172645463325252ULL;

#define API __attribute__((visibility("default")))

/* ---- the tests' handles ------------------------------------------------------------------------------------- */

API int fake_verbs_set(const char *name, long value);
API long fake_verbs_get(const char *name);

static void tell(struct fake_context *context, int kind)
{
    if (write(context->news[1], &kind, sizeof kind) != (ssize_t)sizeof kind) {
        return; /* the pipe is full of news already */
    }
}

int fake_verbs_set(const char *name, long value)
{
    for (int i = 0; i < KNOB_COUNT; i++) {
        if (strcmp(name, knob_names[i]) == 0) {
            pthread_mutex_lock(&gate);
            knobs[i] = value;
            if (i == KNOB_SEED) {
                random_state = 88172645463325252ULL ^ ((uint64_t)value * 0x9E3779B97F4A7C15ULL);
            }
            for (struct fake_context *c = contexts; i == KNOB_KILL_DEVICES && value != 0 && c != NULL; c = c->next) {
                tell(c, IBV_EVENT_DEVICE_FATAL);
            }
            pthread_mutex_unlock(&gate);
            return 0;
        }
    }
    return -1;
}

long fake_verbs_get(const char *name)
{
    long value = -1;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < COUNT_COUNT; i++) {
        value = strcmp(name, counter_names[i]) == 0 ? counters[i] : value;
    }
    pthread_mutex_unlock(&gate);
    return value;
}

static int chance(int knob)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (long)(random_state % 1000) < knobs[knob];
}

/* ---- delivery. The gate is held. ---------------------------------------------------------------------------- */

static void complete(struct fake_qp *qp, uint64_t id, int status, uint32_t length)
{
    struct fake_cq *cq = qp->cq;
    if (cq->count == cq->capacity) {
        tell((struct fake_context *)cq->base.context, IBV_EVENT_CQ_ERR);
        return;
    }
    struct ibv_wc *entry = &cq->entries[(cq->first + cq->count++) % cq->capacity];
    memset(entry, 0, sizeof *entry);
    entry->wr_id = id;
    entry->status = status;
    entry->byte_len = length;
    entry->qp_num = qp->base.qp_num;
    if (cq->armed && cq->channel != NULL) {
        char one = 1;
        cq->armed = 0;
        if (write(cq->channel->pipe[1], &one, 1) != 1) {
            return;
        }
    }
}

static struct fake_qp *find(uint32_t number)
{
    struct fake_qp *qp = pairs;
    while (qp != NULL && qp->base.qp_num != number) {
        qp = qp->next;
    }
    return qp;
}

static int frames(uint32_t length) { return (int)((length + FRAME_BYTES - 1) / FRAME_BYTES); }

static int units(uint32_t length) { return knobs[KNOB_COUNT_FRAMES] ? frames(length) : 1; }

static void kill_pair(struct fake_qp *qp, int status)
{
    qp->state = 6;
    while (qp->receive_count > 0) {
        complete(qp, qp->receives[qp->first].wr_id, status, 0);
        status = 5; /* the rest is flushed */
        qp->first = (qp->first + 1) % qp->max_receive;
        qp->receive_count--;
    }
}

/* Fills the first posted receive. */
static void fill(struct fake_qp *to, const struct message *m)
{
    struct ibv_recv_wr *receive = &to->receives[to->first];
    struct ibv_sge *piece = &to->pieces[to->first];
    if (piece->length < m->length || (knobs[KNOB_COUNT_FRAMES] && frames(piece->length) != frames(m->length))) {
        kill_pair(to, 1);
        return;
    }
    memcpy((void *)(uintptr_t)piece->addr, m->bytes, m->length);
    to->first = (to->first + 1) % to->max_receive;
    to->receive_count--;
    to->receive_units -= units(piece->length);
    complete(to, receive->wr_id, 0, m->length);
}

static struct fake_qp *receiver_of(const struct fake_qp *from)
{
    struct fake_qp *to = find(from->peer);
    return to != NULL && (to->state == 2 || to->state == 3) && to->peer == from->base.qp_num ? to : NULL;
}

static void arrive(struct fake_qp *to, const struct message *m)
{
    if (to == NULL) {
        return; /* nobody is there any more */
    }
    if (to->receive_count == 0) {
        counters[COUNT_UNPOSTED]++;
        return;
    }
    fill(to, m);
}

static void send_unreliable(struct fake_qp *from, struct message *m)
{
    struct fake_qp *to = receiver_of(from);
    complete(from, m->id, 0, 0);
    from->send_open--;
    if (knobs[KNOB_BLACK_HOLE] || chance(KNOB_LOSE_PERMILLE)) {
        counters[COUNT_LOST]++;
        free(m);
        return;
    }
    if (from->held == NULL && chance(KNOB_SWAP_PERMILLE)) {
        counters[COUNT_SWAPPED]++;
        from->held = m;
        return;
    }
    arrive(to, m);
    if (chance(KNOB_DUPLICATE_PERMILLE)) {
        counters[COUNT_DUPLICATED]++;
        arrive(to, m);
    }
    free(m);
    if (from->held != NULL) {
        arrive(to, from->held);
        free(from->held);
        from->held = NULL;
    }
}

static void push(struct message **list, struct message *m)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = m;
}

/* Delivers what waits at a reliable pair, as far as receives are posted. */
static void deliver_waiting(struct fake_qp *to)
{
    while (!knobs[KNOB_BLACK_HOLE] && to->waiting != NULL && to->receive_count > 0) {
        struct message *m = to->waiting;
        to->waiting = m->next;
        fill(to, m);
        if (m->from != NULL) {
            complete(m->from, m->id, 0, 0);
            m->from->send_open--;
        }
        free(m);
    }
}

/* ---- work --------------------------------------------------------------------------------------------------- */

static int post_send(struct ibv_qp *base, struct ibv_send_wr *work, struct ibv_send_wr **bad)
{
    struct fake_qp *qp = (struct fake_qp *)base;
    int answer = 0;
    pthread_mutex_lock(&gate);
    for (; work != NULL; work = work->next) {
        uint32_t length = work->sg_list->length;
        if (knobs[KNOB_POST_ERRNO] != 0 || knobs[KNOB_KILL_DEVICES] != 0) {
            answer = knobs[KNOB_POST_ERRNO] != 0 ? (int)knobs[KNOB_POST_ERRNO] : EIO;
        } else if (qp->state != 3) {
            answer = EINVAL;
        } else if (length > knobs[KNOB_MAX_MESSAGE]) {
            answer = EINVAL;
        } else if (qp->send_open >= qp->max_send) {
            answer = ENOMEM;
        }
        struct message *m = answer == 0 ? malloc(sizeof *m + length) : NULL;
        if (m == NULL) {
            answer = answer != 0 ? answer : ENOMEM;
            *bad = work;
            break;
        }
        m->next = NULL;
        m->from = NULL;
        m->id = work->wr_id;
        m->length = length;
        memcpy(m->bytes, (const void *)(uintptr_t)work->sg_list->addr, length);
        counters[COUNT_SENT]++;
        qp->send_open++;
        if (knobs[KNOB_FAIL_NEXT_SEND] != 0) {
            complete(qp, m->id, (int)knobs[KNOB_FAIL_NEXT_SEND], 0);
            knobs[KNOB_FAIL_NEXT_SEND] = 0;
            qp->send_open--;
            qp->state = 6;
            free(m);
            continue;
        }
        if (knobs[KNOB_GARBLE_NEXT] != 0 && length > 0) {
            knobs[KNOB_GARBLE_NEXT] = 0;
            m->bytes[0] ^= 0x40;
        }
        if (knobs[KNOB_CUT_NEXT] != 0 && length > 1) {
            knobs[KNOB_CUT_NEXT] = 0;
            m->length--;
        }
        if (qp->kind == IBV_QPT_UC) {
            send_unreliable(qp, m);
        } else {
            struct fake_qp *to = receiver_of(qp);
            if (to == NULL) {
                free(m); /* the peer is gone: nobody answers, the send stays open */
                continue;
            }
            m->from = qp;
            push(&to->waiting, m);
            deliver_waiting(to);
        }
    }
    pthread_mutex_unlock(&gate);
    return answer;
}

static int post_recv(struct ibv_qp *base, struct ibv_recv_wr *work, struct ibv_recv_wr **bad)
{
    struct fake_qp *qp = (struct fake_qp *)base;
    int answer = 0;
    pthread_mutex_lock(&gate);
    for (; work != NULL && answer == 0; work = work->next) {
        int more = units(work->sg_list->length);
        if (qp->receive_count == qp->max_receive || qp->receive_units + more > qp->max_receive) {
            *bad = work;
            answer = ENOMEM;
            break;
        }
        if (knobs[KNOB_KILL_DEVICES] != 0) {
            *bad = work;
            answer = EIO;
            break;
        }
        int at = (qp->first + qp->receive_count) % qp->max_receive;
        qp->receives[at] = *work;
        qp->pieces[at] = *work->sg_list;
        qp->receive_count++;
        qp->receive_units += more;
        deliver_waiting(qp);
    }
    pthread_mutex_unlock(&gate);
    return answer;
}

static int poll_cq(struct ibv_cq *base, int count, struct ibv_wc *completions)
{
    struct fake_cq *cq = (struct fake_cq *)base;
    int taken = 0;
    pthread_mutex_lock(&gate);
    while (taken < count && cq->count > 0) {
        completions[taken++] = cq->entries[cq->first];
        cq->first = (cq->first + 1) % cq->capacity;
        cq->count--;
    }
    pthread_mutex_unlock(&gate);
    return taken;
}

static int req_notify_cq(struct ibv_cq *base, int solicited_only)
{
    (void)solicited_only;
    pthread_mutex_lock(&gate);
    ((struct fake_cq *)base)->armed = 1;
    pthread_mutex_unlock(&gate);
    return 0;
}

/* ---- the exported interface --------------------------------------------------------------------------------- */

API struct ibv_device **ibv_get_device_list(int *count);
API void ibv_free_device_list(struct ibv_device **list);
API const char *ibv_get_device_name(struct ibv_device *device);
API struct ibv_context *ibv_open_device(struct ibv_device *device);
API int ibv_close_device(struct ibv_context *context);
API int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attributes);
API int ibv_query_port(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attributes);
API int ibv_query_gid(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid);
API struct ibv_pd *ibv_alloc_pd(struct ibv_context *context);
API int ibv_dealloc_pd(struct ibv_pd *pd);
API struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access);
API int ibv_dereg_mr(struct ibv_mr *region);
API struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context);
API int ibv_destroy_comp_channel(struct ibv_comp_channel *channel);
API struct ibv_cq *ibv_create_cq(struct ibv_context *context, int capacity, void *tag, struct ibv_comp_channel *channel,
                                 int vector);
API int ibv_destroy_cq(struct ibv_cq *cq);
API int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **tag);
API void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count);
API int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event);
API void ibv_ack_async_event(struct ibv_async_event *event);
API struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attributes);
API int ibv_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attributes, int mask, struct ibv_qp_init_attr *initial);
API int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attributes, int mask);
API int ibv_destroy_qp(struct ibv_qp *qp);
API const char *ibv_wc_status_str(int status);

/* The devices exist as long as the library; a list is an array that points at them, as in the real one. */
static struct ibv_device devices[16];

struct ibv_device **ibv_get_device_list(int *count)
{
    pthread_mutex_lock(&gate);
    int n = knobs[KNOB_DEVICES] < 16 ? (int)knobs[KNOB_DEVICES] : 16;
    for (int i = 0; i < 16 && devices[i].name[0] == 0; i++) {
        devices[i].index = i;
        (void)snprintf(devices[i].name, sizeof devices[i].name, "fake%d", i);
    }
    pthread_mutex_unlock(&gate);
    struct ibv_device **list = calloc((size_t)n + 1, sizeof *list);
    for (int i = 0; list != NULL && i < n; i++) {
        list[i] = &devices[i];
    }
    *count = n;
    return list;
}

void ibv_free_device_list(struct ibv_device **list) { free(list); }

const char *ibv_get_device_name(struct ibv_device *device) { return device->name; }

static int quiet_pipe(int ends[2])
{
    return pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0;
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
    struct fake_context *context = calloc(1, sizeof *context);
    if (context == NULL || !quiet_pipe(context->news)) {
        free(context);
        errno = EMFILE;
        return NULL;
    }
    context->base.device = device;
    context->base.async_fd = context->news[0];
    context->base.ops.poll_cq = poll_cq;
    context->base.ops.req_notify_cq = req_notify_cq;
    context->base.ops.post_send = post_send;
    context->base.ops.post_recv = post_recv;
    pthread_mutex_lock(&gate);
    context->next = contexts;
    contexts = context;
    counters[COUNT_CONTEXTS]++;
    pthread_mutex_unlock(&gate);
    return &context->base;
}

int ibv_close_device(struct ibv_context *base)
{
    struct fake_context *context = (struct fake_context *)base;
    pthread_mutex_lock(&gate);
    struct fake_context **link = &contexts;
    while (*link != context) {
        link = &(*link)->next;
    }
    *link = context->next;
    counters[COUNT_CONTEXTS]--;
    pthread_mutex_unlock(&gate);
    (void)close(context->news[0]);
    (void)close(context->news[1]);
    free(context);
    return 0;
}

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attributes)
{
    (void)context;
    memset(attributes, 0, sizeof *attributes);
    attributes->max_mr_size = (uint64_t)1 << 40;
    attributes->max_qp = (int)knobs[KNOB_MAX_QP];
    attributes->max_qp_wr = (int)knobs[KNOB_MAX_WR];
    attributes->max_mr = (int)knobs[KNOB_MAX_MR];
    attributes->max_cq = 1000;
    attributes->max_cqe = 1 << 20;
    attributes->phys_port_cnt = 1;
    return 0;
}

int ibv_query_port(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attributes)
{
    (void)context;
    if (port != 1) {
        return EINVAL;
    }
    memset(attributes, 0, sizeof *attributes);
    attributes->state = (int)knobs[KNOB_PORT_STATE];
    attributes->max_mtu = 5;
    attributes->active_mtu = 5;
    attributes->gid_tbl_len = 8;
    attributes->max_msg_sz = (uint32_t)knobs[KNOB_MAX_MESSAGE];
    attributes->link_layer = 2;
    return 0;
}

/* Entry 0 is link-local, 1 unused, 2 the IPv4 address 10.99.(index / 2).(1 or 2): a fixed index 1 would find nothing. */
int ibv_query_gid(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid)
{
    int device = context->device->index;
    if (port != 1 || index < 0 || index > 7) {
        errno = EINVAL;
        return -1;
    }
    memset(gid, 0, sizeof *gid);
    if (index == 0) {
        const unsigned char local[16] = {0xFE, 0x80, [15] = (unsigned char)device};
        memcpy(gid->raw, local, 16);
    } else if (index == 2 && !knobs[KNOB_NO_IPV4]) {
        const unsigned char mapped[16] = {[10] = 0xFF, 0xFF, 10, 99, (unsigned char)(device / 2),
                                          (unsigned char)(1 + device % 2)};
        memcpy(gid->raw, mapped, 16);
    }
    return 0;
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
    struct ibv_pd *pd = calloc(1, sizeof *pd);
    if (pd != NULL) {
        pd->context = context;
        pthread_mutex_lock(&gate);
        counters[COUNT_PDS]++;
        pthread_mutex_unlock(&gate);
    }
    return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
    pthread_mutex_lock(&gate);
    counters[COUNT_PDS]--;
    pthread_mutex_unlock(&gate);
    free(pd);
    return 0;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access)
{
    pthread_mutex_lock(&gate);
    int number = (int)knobs[KNOB_REGISTER_ERRNO];
    number = number == 0 && counters[COUNT_MRS] >= knobs[KNOB_MAX_MR] ? ENOMEM : number;
    number = number == 0 && knobs[KNOB_REFUSE_LOCAL_WRITE] && access == IBV_ACCESS_LOCAL_WRITE ? EINVAL : number;
    struct ibv_mr *region = number == 0 ? calloc(1, sizeof *region) : NULL;
    if (region != NULL) {
        counters[COUNT_MRS]++;
        region->context = pd->context;
        region->pd = pd;
        region->addr = address;
        region->length = length;
        region->lkey = next_key++;
    }
    pthread_mutex_unlock(&gate);
    errno = region == NULL ? number : errno;
    return region;
}

int ibv_dereg_mr(struct ibv_mr *region)
{
    pthread_mutex_lock(&gate);
    counters[COUNT_MRS]--;
    pthread_mutex_unlock(&gate);
    free(region);
    return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context)
{
    struct fake_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL || !quiet_pipe(channel->pipe)) {
        free(channel);
        return NULL;
    }
    channel->base.context = context;
    channel->base.fd = channel->pipe[0];
    pthread_mutex_lock(&gate);
    counters[COUNT_CHANNELS]++;
    pthread_mutex_unlock(&gate);
    return &channel->base;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *base)
{
    struct fake_channel *channel = (struct fake_channel *)base;
    (void)close(channel->pipe[0]);
    (void)close(channel->pipe[1]);
    free(channel);
    pthread_mutex_lock(&gate);
    counters[COUNT_CHANNELS]--;
    pthread_mutex_unlock(&gate);
    return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int capacity, void *tag, struct ibv_comp_channel *channel,
                             int vector)
{
    (void)tag;
    (void)vector;
    struct fake_cq *cq = calloc(1, sizeof *cq);
    struct ibv_wc *entries = calloc((size_t)capacity, sizeof *entries);
    if (cq == NULL || entries == NULL) {
        free(cq);
        free(entries);
        errno = ENOMEM;
        return NULL;
    }
    cq->base.context = context;
    cq->channel = (struct fake_channel *)channel;
    cq->capacity = capacity;
    cq->entries = entries;
    pthread_mutex_lock(&gate);
    counters[COUNT_CQS]++;
    pthread_mutex_unlock(&gate);
    return &cq->base;
}

int ibv_destroy_cq(struct ibv_cq *base)
{
    struct fake_cq *cq = (struct fake_cq *)base;
    pthread_mutex_lock(&gate);
    counters[COUNT_CQS]--;
    pthread_mutex_unlock(&gate);
    free(cq->entries);
    free(cq);
    return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **tag)
{
    char one;
    (void)cq;
    (void)tag;
    return read(channel->fd, &one, 1) == 1 ? 0 : -1;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count)
{
    (void)cq;
    (void)count;
}

int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
    int kind;
    if (read(context->async_fd, &kind, sizeof kind) != (ssize_t)sizeof kind) {
        return -1;
    }
    event->event_type = kind;
    return 0;
}

void ibv_ack_async_event(struct ibv_async_event *event) { (void)event; }

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attributes)
{
    int kind = (int)attributes->qp_type;
    struct fake_qp *qp = NULL;
    pthread_mutex_lock(&gate);
    int number = 0;
    if (counters[COUNT_QPS] >= knobs[KNOB_MAX_QP]) {
        number = ENOMEM;
    } else if ((long)attributes->cap.max_send_wr > knobs[KNOB_MAX_WR]
               || (long)attributes->cap.max_recv_wr > knobs[KNOB_MAX_WR]) {
        number = EINVAL;
    } else if ((kind == IBV_QPT_UC && knobs[KNOB_NO_UNRELIABLE]) || (kind == IBV_QPT_RC && knobs[KNOB_NO_RELIABLE])) {
        number = EOPNOTSUPP;
    }
    if (number == 0) {
        qp = calloc(1, sizeof *qp);
    }
    if (qp != NULL) {
        qp->max_send = (int)attributes->cap.max_send_wr;
        qp->max_receive = (int)attributes->cap.max_recv_wr;
        qp->receives = calloc((size_t)qp->max_receive, sizeof *qp->receives);
        qp->pieces = calloc((size_t)qp->max_receive, sizeof *qp->pieces);
        qp->base.context = pd->context;
        qp->base.pd = pd;
        qp->base.qp_num = next_number++;
        qp->cq = (struct fake_cq *)attributes->send_cq;
        qp->kind = kind;
        qp->next = pairs;
        pairs = qp;
        counters[COUNT_QPS]++;
    }
    pthread_mutex_unlock(&gate);
    errno = qp == NULL ? number : errno;
    return qp == NULL ? NULL : &qp->base;
}

int ibv_query_qp(struct ibv_qp *base, struct ibv_qp_attr *attributes, int mask, struct ibv_qp_init_attr *initial)
{
    struct fake_qp *qp = (struct fake_qp *)base;
    (void)attributes;
    (void)mask;
    initial->cap.max_send_wr = (uint32_t)qp->max_send;
    initial->cap.max_recv_wr = (uint32_t)qp->max_receive;
    return 0;
}

int ibv_modify_qp(struct ibv_qp *base, struct ibv_qp_attr *attributes, int mask)
{
    struct fake_qp *qp = (struct fake_qp *)base;
    int answer = 0;
    pthread_mutex_lock(&gate);
    if ((int)attributes->qp_state == 2 && knobs[KNOB_CONNECT_ERRNO] != 0) {
        answer = (int)knobs[KNOB_CONNECT_ERRNO];
    } else {
        qp->state = (int)attributes->qp_state;
        qp->peer = (mask & IBV_QP_DEST_QPN) != 0 ? attributes->dest_qp_num : qp->peer;
    }
    pthread_mutex_unlock(&gate);
    return answer;
}

int ibv_destroy_qp(struct ibv_qp *base)
{
    struct fake_qp *qp = (struct fake_qp *)base;
    pthread_mutex_lock(&gate);
    struct fake_qp **link = &pairs;
    while (*link != qp) {
        link = &(*link)->next;
    }
    *link = qp->next;
    for (struct fake_qp *other = pairs; other != NULL; other = other->next) {
        for (struct message *m = other->waiting; m != NULL; m = m->next) {
            m->from = m->from == qp ? NULL : m->from;
        }
    }
    while (qp->waiting != NULL) {
        struct message *m = qp->waiting;
        qp->waiting = m->next;
        free(m);
    }
    free(qp->held);
    counters[COUNT_QPS]--;
    pthread_mutex_unlock(&gate);
    free(qp->receives);
    free(qp->pieces);
    free(qp);
    return 0;
}

const char *ibv_wc_status_str(int status)
{
    static const char *const texts[] = {"success", "local length error", "local QP operation error",
        "local EE context operation error", "local protection error", "Work Request Flushed Error"};
    return status >= 0 && status < 6 ? texts[status] : status == 12 ? "transport retry counter exceeded" : "another status";
}
