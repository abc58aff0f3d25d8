/*
 * exo_rdma: a small, flat C interface over RDMA verbs, for callers that load it at run time.
 *
 * - The verbs library (libibverbs.so.1 on Linux, librdma.dylib on macOS) is loaded when a program asks for it, so
 *   this library itself loads everywhere and says what it missed.
 * - Every function returns 0 or one of the codes below, and fills the caller's exo_rdma_error where one is given.
 *   Nothing aborts, nothing prints, nothing is kept in global variables.
 * - Objects form a tree: library > device > slab, queue; queue > pair. An object with living children refuses to be
 *   closed with EXO_RDMA_BUSY and stays usable.
 * - Threads: different libraries and devices are independent. For one device and all that hangs on it, one call at a
 *   time; the caller holds the lock.
 */
#ifndef EXO_RDMA_H
#define EXO_RDMA_H

#include <stdint.h>

#if defined(__GNUC__)
#define EXO_RDMA_API __attribute__((visibility("default")))
#else
#define EXO_RDMA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of a function or a structure below. A caller compares it before anything else. */
#define EXO_RDMA_ABI_VERSION 1

enum exo_rdma_code {
    EXO_RDMA_OK = 0,
    EXO_RDMA_BAD_ARGUMENT = 1, /* the caller's mistake: a null pointer, a range outside the slab */
    EXO_RDMA_NO_LIBRARY = 2,   /* the verbs library could not be loaded */
    EXO_RDMA_NO_SYMBOL = 3,    /* it lacks a function, so it is not a verbs library or is too old */
    EXO_RDMA_NO_DEVICE = 4,    /* no device of that name, or it is gone */
    EXO_RDMA_NO_MEMORY = 5,    /* out of memory, or of memory that may be locked */
    EXO_RDMA_SYSTEM = 6,       /* a verbs call failed; see system_error */
    EXO_RDMA_BUSY = 7,         /* the object still has children */
    EXO_RDMA_FULL = 8          /* a queue takes no more work requests now */
};

/* Two kinds of queue pair. Apple offers the unreliable one only. */
enum exo_rdma_kind { EXO_RDMA_RELIABLE = 0, EXO_RDMA_UNRELIABLE = 1 };

/* What the device may do with a slab. Receiving needs LOCAL_WRITE; some drivers ask for the others as well. */
enum exo_rdma_access { EXO_RDMA_LOCAL_WRITE = 1, EXO_RDMA_REMOTE_WRITE = 2, EXO_RDMA_REMOTE_READ = 4 };

typedef struct exo_rdma_error {
    int32_t code;         /* exo_rdma_code */
    int32_t system_error; /* errno of the failed call, or 0 */
    char message[496];    /* what failed and why, ends with a zero */
} exo_rdma_error;

typedef struct exo_rdma_library exo_rdma_library;
typedef struct exo_rdma_device exo_rdma_device;
typedef struct exo_rdma_slab exo_rdma_slab;
typedef struct exo_rdma_queue exo_rdma_queue;
typedef struct exo_rdma_pair exo_rdma_pair;

typedef struct exo_rdma_limits {
    int64_t max_region_bytes;
    int32_t max_queue_pairs;
    int32_t max_regions;
    int32_t max_work_requests;     /* per queue of a pair */
    int32_t max_completions;       /* per completion queue */
    int32_t port_count;
    int32_t reserved;
} exo_rdma_limits;

typedef struct exo_rdma_port {
    int32_t state;             /* 4 is active; 1 down, 2 initializing, 3 armed */
    int32_t active_mtu;        /* bytes per packet */
    int32_t gid_count;         /* length of the GID table, unused entries included */
    int32_t link_layer;        /* 1 InfiniBand, 2 Ethernet, 0 not said */
    int64_t max_message_bytes;
} exo_rdma_port;

typedef struct exo_rdma_pair_info {
    uint32_t number;           /* the queue pair's number, which the peer needs */
    int32_t send_capacity;     /* read back from the queue pair after it was made */
    int32_t receive_capacity;
    int32_t reserved;
} exo_rdma_pair_info;

typedef struct exo_rdma_route {
    uint8_t remote_gid[16];
    uint32_t remote_number;
    uint32_t remote_first_packet; /* the packet number that the peer starts with, 24 bits */
    uint32_t local_first_packet;
    int32_t mtu;                  /* 256, 512, 1024, 2048 or 4096 */
    int32_t gid_index;            /* of this side's GID */
    int32_t reserved;
} exo_rdma_route;

/* One piece of work: a message within a slab. */
typedef struct exo_rdma_work {
    uint64_t id;     /* comes back in the completion */
    uint64_t offset; /* in the slab, in bytes */
    uint32_t length;
    uint32_t reserved;
} exo_rdma_work;

typedef struct exo_rdma_completion {
    uint64_t id;
    int32_t status;       /* 0 is success */
    uint32_t length;      /* bytes that arrived, for a receive */
    uint32_t pair_number;
    uint32_t vendor_error;
} exo_rdma_completion;

EXO_RDMA_API uint32_t exo_rdma_abi_version(void);

/* Loads the verbs library: from path, or if that is null from the names usual on this system. */
EXO_RDMA_API int32_t exo_rdma_library_open(const char *path, exo_rdma_library **library, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_library_close(exo_rdma_library *library, exo_rdma_error *error);

/* The name that the library was loaded by; lives as long as the library. */
EXO_RDMA_API const char *exo_rdma_library_name(const exo_rdma_library *library);

/* Writes up to capacity device names of 64 bytes each; count receives how many devices there are. */
EXO_RDMA_API int32_t exo_rdma_device_list(exo_rdma_library *library, char *names, int32_t capacity, int32_t *count,
                                          exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_device_open(exo_rdma_library *library, const char *name, exo_rdma_device **device,
                                          exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_device_close(exo_rdma_device *device, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_device_limits(exo_rdma_device *device, exo_rdma_limits *limits, exo_rdma_error *error);

/* port counts from 1. */
EXO_RDMA_API int32_t exo_rdma_port_read(exo_rdma_device *device, int32_t port, exo_rdma_port *info, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_gid_read(exo_rdma_device *device, int32_t port, int32_t index, uint8_t gid[16],
                                       exo_rdma_error *error);

/* Takes one event of the device, without waiting. fatal is 1 when the device or a queue pair is dead, port_down is 1
 * when a port lost its link; both 0 when nothing happened. */
EXO_RDMA_API int32_t exo_rdma_device_news(exo_rdma_device *device, int32_t *fatal, int32_t *port_down,
                                          exo_rdma_error *error);

/* Allocates page-aligned zeroed memory and registers it with the device. access is a sum of exo_rdma_access. */
EXO_RDMA_API int32_t exo_rdma_slab_register(exo_rdma_device *device, uint64_t byte_count, uint32_t access,
                                            exo_rdma_slab **slab, void **address, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_slab_close(exo_rdma_slab *slab, exo_rdma_error *error);

/* A completion queue. event_descriptor receives a file descriptor that polls readable after exo_rdma_queue_arm and a
 * completion, or -1 where the library has none; then the caller polls. */
EXO_RDMA_API int32_t exo_rdma_queue_create(exo_rdma_device *device, int32_t capacity, exo_rdma_queue **queue,
                                           int32_t *event_descriptor, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_queue_close(exo_rdma_queue *queue, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_queue_arm(exo_rdma_queue *queue, exo_rdma_error *error);

/* Takes up to capacity completions; count receives how many. Never waits. */
EXO_RDMA_API int32_t exo_rdma_queue_poll(exo_rdma_queue *queue, exo_rdma_completion *completions, int32_t capacity,
                                         int32_t *count, exo_rdma_error *error);

/* Says what a completion's status means; the text lives as long as the library. */
EXO_RDMA_API const char *exo_rdma_status_text(exo_rdma_queue *queue, int32_t status);

/* Makes a queue pair whose sends and receives complete on one queue, ready for receives to be posted. */
EXO_RDMA_API int32_t exo_rdma_pair_create(exo_rdma_queue *queue, int32_t kind, int32_t port, int32_t send_depth,
                                          int32_t receive_depth, exo_rdma_pair **pair, exo_rdma_pair_info *info,
                                          exo_rdma_error *error);

/* Connects a queue pair to its peer; sends are possible afterwards. */
EXO_RDMA_API int32_t exo_rdma_pair_connect(exo_rdma_pair *pair, const exo_rdma_route *route, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_pair_close(exo_rdma_pair *pair, exo_rdma_error *error);

/* Post work in order. posted receives how many were taken; fewer than count only with an error. */
EXO_RDMA_API int32_t exo_rdma_post_receives(exo_rdma_pair *pair, exo_rdma_slab *slab, const exo_rdma_work *work,
                                            int32_t count, int32_t *posted, exo_rdma_error *error);
EXO_RDMA_API int32_t exo_rdma_post_sends(exo_rdma_pair *pair, exo_rdma_slab *slab, const exo_rdma_work *work,
                                         int32_t count, int32_t *posted, exo_rdma_error *error);

#ifdef __cplusplus
}
#endif
#endif
