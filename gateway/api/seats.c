/* SPDX-License-Identifier: Apache-2.0
 * The sockets of an operation by what can be told to them. An agent hears only of what they hold, so an event
 * need not be held against the rights of every socket: it names the agents whom it concerns. */
#include "gateway/api/api_internal.h"
#include <string.h>

/* They see threads that others hold, or colleagues' loads. */
#define WIDE (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR | ROLE_ADMINISTRATOR)

struct seat {
    struct list sockets; /* agent_socket.seat */
};

void seats_init(struct api_op *o)
{
    list_init(&o->wide);
    map_init(&o->seats);
}

void seats_free(struct api_op *o)
{
    map_clear(&o->seats, mem_free); /* sockets hold their place no longer: they were closed before */
}

void seats_put(struct agent_socket *s)
{
    struct api_op *o = s->op;
    list_del(&s->seat);
    if (s->caller.who.roles & WIDE) {
        list_push(&o->wide, &s->seat);
        return;
    }
    struct seat *seat = map_get(&o->seats, slice_str(s->caller.agent));
    if (!seat) {
        seat = mem_alloc(sizeof *seat);
        list_init(&seat->sockets);
        map_put(&o->seats, slice_str(s->caller.agent), seat);
    }
    list_push(&seat->sockets, &s->seat);
}

struct list *seats_of(struct api_op *o, const char *agent)
{
    struct seat *seat = agent && *agent ? map_get(&o->seats, slice_str(agent)) : NULL;
    return seat ? &seat->sockets : NULL;
}
