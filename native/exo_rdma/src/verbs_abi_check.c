/*
 * Compiled only where the system's verbs header is installed, and only to fail the build when a layout of verbs_abi.h
 * differs from it. The header's names are moved aside so that both can be seen at once.
 */
#include <infiniband/verbs.h>

/* The system's macros and types would clash with ours. */
#define ibv_context exo_context
#define ibv_context_ops exo_context_ops
#define ibv_device_attr exo_device_attr
#define ibv_port_attr exo_port_attr
#define ibv_mr exo_mr
#define ibv_comp_channel exo_comp_channel
#define ibv_sge exo_sge
#define ibv_recv_wr exo_recv_wr
#define ibv_send_wr exo_send_wr
#define ibv_wc exo_wc
#define ibv_qp_cap exo_qp_cap
#define ibv_qp_init_attr exo_qp_init_attr
#define ibv_global_route exo_global_route
#define ibv_ah_attr exo_ah_attr
#define ibv_qp_attr exo_qp_attr
#define ibv_async_event exo_async_event
#define ibv_cq exo_cq
#define ibv_qp exo_qp
#define ibv_gid exo_gid
#define ibv_pd exo_pd
#define ibv_device exo_device_handle

/* Enumerators of ours get a prefix, so that both values can be compared. */
#define IBV_QPT_RC EXO_QPT_RC
#define IBV_QPT_UC EXO_QPT_UC
#define IBV_QPS_INIT EXO_QPS_INIT
#define IBV_QPS_RTR EXO_QPS_RTR
#define IBV_QPS_RTS EXO_QPS_RTS
#define IBV_WR_SEND EXO_WR_SEND
#define IBV_SEND_SIGNALED EXO_SEND_SIGNALED
#define IBV_ACCESS_LOCAL_WRITE EXO_ACCESS_LOCAL_WRITE
#define IBV_ACCESS_REMOTE_WRITE EXO_ACCESS_REMOTE_WRITE
#define IBV_ACCESS_REMOTE_READ EXO_ACCESS_REMOTE_READ
#define IBV_QP_STATE EXO_QP_STATE
#define IBV_QP_ACCESS_FLAGS EXO_QP_ACCESS_FLAGS
#define IBV_QP_PKEY_INDEX EXO_QP_PKEY_INDEX
#define IBV_QP_PORT EXO_QP_PORT
#define IBV_QP_AV EXO_QP_AV
#define IBV_QP_PATH_MTU EXO_QP_PATH_MTU
#define IBV_QP_TIMEOUT EXO_QP_TIMEOUT
#define IBV_QP_RETRY_CNT EXO_QP_RETRY_CNT
#define IBV_QP_RNR_RETRY EXO_QP_RNR_RETRY
#define IBV_QP_RQ_PSN EXO_QP_RQ_PSN
#define IBV_QP_MAX_QP_RD_ATOMIC EXO_QP_MAX_QP_RD_ATOMIC
#define IBV_QP_MIN_RNR_TIMER EXO_QP_MIN_RNR_TIMER
#define IBV_QP_SQ_PSN EXO_QP_SQ_PSN
#define IBV_QP_MAX_DEST_RD_ATOMIC EXO_QP_MAX_DEST_RD_ATOMIC
#define IBV_QP_CAP EXO_QP_CAP
#define IBV_QP_DEST_QPN EXO_QP_DEST_QPN
#define IBV_EVENT_CQ_ERR EXO_EVENT_CQ_ERR
#define IBV_EVENT_QP_FATAL EXO_EVENT_QP_FATAL
#define IBV_EVENT_QP_REQ_ERR EXO_EVENT_QP_REQ_ERR
#define IBV_EVENT_QP_ACCESS_ERR EXO_EVENT_QP_ACCESS_ERR
#define IBV_EVENT_DEVICE_FATAL EXO_EVENT_DEVICE_FATAL
#define IBV_EVENT_PORT_ERR EXO_EVENT_PORT_ERR
#include "verbs_abi.h"
#undef ibv_context
#undef ibv_context_ops
#undef ibv_device_attr
#undef ibv_port_attr
#undef ibv_mr
#undef ibv_comp_channel
#undef ibv_sge
#undef ibv_recv_wr
#undef ibv_send_wr
#undef ibv_wc
#undef ibv_qp_cap
#undef ibv_qp_init_attr
#undef ibv_ah_attr
#undef ibv_qp_attr
#undef ibv_async_event
#undef ibv_qp

#define SAME_SIZE(type) _Static_assert(sizeof(struct ibv_##type) == sizeof(struct exo_##type), "size of ibv_" #type)
#define SAME_PLACE(type, field) \
    _Static_assert(offsetof(struct ibv_##type, field) == offsetof(struct exo_##type, field), "ibv_" #type "." #field)

SAME_SIZE(device_attr);
SAME_PLACE(device_attr, max_mr_size);
SAME_PLACE(device_attr, max_qp);
SAME_PLACE(device_attr, max_qp_wr);
SAME_PLACE(device_attr, max_cqe);
SAME_PLACE(device_attr, max_mr);
SAME_PLACE(device_attr, phys_port_cnt);
SAME_SIZE(port_attr);
SAME_PLACE(port_attr, active_mtu);
SAME_PLACE(port_attr, gid_tbl_len);
SAME_PLACE(port_attr, max_msg_sz);
SAME_PLACE(port_attr, link_layer);
SAME_SIZE(mr);
SAME_PLACE(mr, lkey);
SAME_SIZE(comp_channel);
SAME_PLACE(comp_channel, fd);
SAME_SIZE(sge);
SAME_SIZE(recv_wr);
SAME_SIZE(send_wr);
SAME_PLACE(send_wr, opcode);
SAME_PLACE(send_wr, send_flags);
SAME_SIZE(wc);
SAME_PLACE(wc, status);
SAME_PLACE(wc, byte_len);
SAME_PLACE(wc, qp_num);
SAME_SIZE(qp_init_attr);
SAME_PLACE(qp_init_attr, cap);
SAME_PLACE(qp_init_attr, qp_type);
SAME_SIZE(ah_attr);
SAME_PLACE(ah_attr, is_global);
SAME_PLACE(ah_attr, port_num);
SAME_SIZE(qp_attr);
SAME_PLACE(qp_attr, dest_qp_num);
SAME_PLACE(qp_attr, ah_attr);
SAME_PLACE(qp_attr, pkey_index);
SAME_PLACE(qp_attr, min_rnr_timer);
SAME_PLACE(qp_attr, port_num);
SAME_PLACE(qp_attr, rnr_retry);
SAME_SIZE(async_event);
SAME_PLACE(async_event, event_type);
SAME_SIZE(context);
SAME_PLACE(context, ops);
SAME_PLACE(context, async_fd);
SAME_SIZE(context_ops);
SAME_PLACE(context_ops, poll_cq);
SAME_PLACE(context_ops, req_notify_cq);
SAME_PLACE(context_ops, post_send);
SAME_PLACE(context_ops, post_recv);
SAME_PLACE(qp, qp_num);

#undef IBV_QPT_UC
#undef IBV_QPS_RTS
#undef IBV_WR_SEND
#undef IBV_SEND_SIGNALED
#undef IBV_QP_DEST_QPN
#undef IBV_QP_SQ_PSN
#undef IBV_QP_MIN_RNR_TIMER
#undef IBV_EVENT_PORT_ERR
#undef IBV_EVENT_DEVICE_FATAL
_Static_assert((int)IBV_QPT_UC == (int)EXO_QPT_UC && (int)IBV_QPS_RTS == (int)EXO_QPS_RTS, "queue pair kinds and states");
_Static_assert((int)IBV_WR_SEND == (int)EXO_WR_SEND && (int)IBV_SEND_SIGNALED == (int)EXO_SEND_SIGNALED, "work requests");
_Static_assert((int)IBV_QP_DEST_QPN == (int)EXO_QP_DEST_QPN && (int)IBV_QP_SQ_PSN == (int)EXO_QP_SQ_PSN
                   && (int)IBV_QP_MIN_RNR_TIMER == (int)EXO_QP_MIN_RNR_TIMER,
               "attribute masks");
_Static_assert((int)IBV_EVENT_PORT_ERR == (int)EXO_EVENT_PORT_ERR
                   && (int)IBV_EVENT_DEVICE_FATAL == (int)EXO_EVENT_DEVICE_FATAL,
               "events");
