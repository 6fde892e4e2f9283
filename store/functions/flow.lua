-- SPDX-License-Identifier: Apache-2.0
-- Runs of flows: records of the kind "run" (flow.h), one for each thread in state bot. thread:<t> bt: the record's id.
-- A timer "bot <handle in hex>" brings a thread back to the bot: soon when something came that no worker may have looked at, or prompts may
-- not be written; else when the run's time is over. So nothing is lost with a worker that dies in between.
do
    local int = P.int
    local SOON_MS, STATED = 3000, '3'
    local KIND = 'run'

    local function timer(id)
        return 'bot ' .. P.hex(id)
    end

    -- For ingest: a new thread (its hash is written) begins with the bot.
    function P.bot_begins(K, id, now)
        local key = K .. 'thread:' .. id
        call('HSET', key, 'st', P.BOT)
        call('HDEL', key, 'wt')
        call('ZADD', K .. 'timers', int(now + SOON_MS), timer(id))
    end

    -- For ingest: the person wrote on.
    function P.bot_hears(K, id, now)
        call('ZADD', K .. 'timers', 'LT', int(now + SOON_MS), timer(id))
    end

    local function forget(K, id, now, actor)
        local key = K .. 'thread:' .. id
        local run = call('HGET', key, 'bt')
        call('ZREM', K .. 'timers', timer(id))
        if run then
            P.record_delete(K, now, KIND, run, nil, actor)
            call('HDEL', key, 'bt')
        end
    end

    -- For P.move: somebody takes the thread out of the bot.
    function P.bot_ends(K, t, now, actor)
        forget(K, t.id, now, actor)
    end

    -- For ingest: the person speaks of something above these threads. The bot there says nothing more, since that would call them back, and
    -- it looks as though its time had been over, since anything else would be a trace of what is above.
    function P.bot_gives_way(K, contact, cl, now)
        for below = 0, cl - 1 do
            local id = call('HGET', K .. 'contact:' .. contact, 'o' .. below)
            local t = id and P.thread(K, id)
            if t and t.st == P.BOT then
                P.move(K, t, P.WAITING, {now = now, actor = 'bot', why = 'transferred', detail = 'expired'})
            end
        end
    end

    local function speaks(K, t, now, tag)
        call('HSET', K .. 'contact:' .. t.c, 'lt', tag, 'ls', '', 'lh', STATED)
        P.event(K, now, P.EV_CONTACT, {'c', t.c, 'w', 'profile', 'x', 'person'})
        P.change(K, t, {now = now, actor = 'person', why = 'language', a = tag, set = {'lt', tag, 'ls', '', 'lh', STATED}})
    end

    -- Sealed as words do it. The person may have an open thread at that clearance: then this one stands apart and takes nothing more, since
    -- what was said in it must not stay where it can be read.
    local function seal(K, t, cl, set, now)
        local from = t.cl
        local apart = P.seal_conflict(K, t, cl)
        t.cl = cl
        if apart then
            local key = K .. 'contact:' .. t.c
            if call('HGET', key, 'o' .. from) == t.id then
                call('HDEL', key, 'o' .. from)
            end
        else
            P.on_raised(K, t, from, cl)
        end
        set[#set + 1], set[#set + 2] = 'cl', int(cl)
        call('ZADD', K .. 'reseal', int(now), t.id)
    end

    local function hand_over(K, t, now, cl, topic, priority, nl, why)
        local h, set = P.fields(K .. 'thread:' .. t.id, 'pr'), {}
        local raised = cl > t.cl
        if raised then
            seal(K, t, cl, set, now)
        end
        if topic ~= '' then
            t.tp = topic
            set[#set + 1], set[#set + 2] = 'tp', topic
        end
        if priority > (tonumber(h.pr) or 0) then
            set[#set + 1], set[#set + 2] = 'pr', int(priority)
        end
        if nl then
            set[#set + 1], set[#set + 2] = 'nl', '1'
        end
        P.move(K, t, P.WAITING, {now = now, actor = 'bot', why = 'transferred', b = raised and 'sealed' or '', set = set, detail = why, run = true})
    end

    -- thread id expect clearance believed_clearance key's id facets sealed language ('' none) why ('' it goes on) topic priority nl
    P.reg_full('flow_step', function(K, a)
        local t = P.thread(K, a[1])
        if not t then
            return P.err('NOT_FOUND no such thread')
        elseif t.st ~= P.BOT then
            return P.err('CONFLICT a person has it')
        elseif t.cl ~= tonumber(a[5]) then
            return P.err('AGAIN its clearance has changed')
        end
        local now, cl = P.now(), tonumber(a[4])
        local version, wrong = P.record_put(K, now, {
            kind = KIND, id = a[2], expect = tonumber(a[3]), clearance = cl, score = 0, contact = t.c, kid = tonumber(a[6]), group = a[2],
            facets = a[7], sealed = a[8], actor = 'bot'
        })
        if wrong then
            return wrong
        end
        call('HSET', K .. 'thread:' .. t.id, 'bt', a[2])
        call('ZADD', K .. 'timers', int(now + SOON_MS), timer(t.id))
        if a[9] ~= '' then
            speaks(K, t, now, a[9])
        end
        if a[10] ~= '' then
            hand_over(K, t, now, cl, a[11], tonumber(a[12]), a[13] == '1', a[10])
        end
        return int(version)
    end)

    -- thread id version ms ('' the run is over): its prompts are written
    P.reg_full('flow_said', function(K, a)
        local now, r = P.now(), P.record_get(K, KIND, a[2])
        if a[4] == '' then
            if not r or r.version == tonumber(a[3]) then
                forget(K, a[1], now, 'bot')
            end
        elseif r and r.version == tonumber(a[3]) then
            call('ZADD', K .. 'timers', int(now + a[4]), timer(a[1]))
        end
        return redis.status_reply('OK')
    end)
end
