-- SPDX-License-Identifier: Apache-2.0
-- Erasing a person, in steps that may each be repeated. erasing: contact → "<key id> <actor>" until it is done. ledger: key id →
-- "<hash of the contact's id> <time>", for whoever restores an older backup.
do
    local int = P.int
    local KEEP = {k = true, er = true, T = true, v = true, ar = true}

    -- Does not answer again to any address and has no profile; what is under way is closed.
    local function forget(K, contact, now, actor)
        local key = K .. 'contact:' .. contact
        P.person_forgets(K, contact)
        local h = call('HGETALL', key)
        for i = 1, #h, 2 do
            local f = h[i]
            if #f == 17 and string.sub(f, 1, 1) == 'a' then
                local blind = string.sub(f, 2)
                if P.addr_get(K, blind) == contact then
                    call('HDEL', P.addr_key(K, blind), blind)
                end
            end
            if not KEEP[f] then
                call('HDEL', key, f)
            end
        end
        call('DEL', K .. 'refs:' .. contact)
        P.record_forget(K, contact)
    end

    -- An entry's clear head without the address it went to: what is left of it (README.md has its form).
    local function head(v)
        local time, _, flags, channel = P.log_head(v)
        if not time then
            return v -- a move: ids and codes
        end
        local at = 11 + #channel
        at = at + 1 + string.byte(v, at) + (flags % 8 >= 4 and 12 or 0) + (flags % 16 >= 8 and 16 or 0)
        return '\1' .. string.sub(v, 2, at - 1)
    end

    -- A thread of an erased person: resolved; of its entries only the heads stay; no words, wire logs and marks of addresses.
    local function forget_thread(K, id, now, actor)
        local t = P.thread(K, id)
        if not t then
            return
        end
        if t.st ~= P.RESOLVED then
            P.move(K, t, P.RESOLVED, {now = now, actor = actor, why = 'resolved', reason = 'erased', set = {'oc', 'erased'}, a = 'erased',
                detail = 'erased'})
        end
        P.hooks_forget(K, id)
        call('HDEL', K .. 'thread:' .. id, 'fa', 'at')
        P.matters_forget(K, t, now, actor)
        local log = K .. 'log:' .. id
        for _, f in ipairs(call('HKEYS', log)) do
            if string.sub(f, 1, 1) == 'p' then
                call('HDEL', log, f)
            elseif tonumber(f) then
                call('HSET', log, f, head(call('HGET', log, f)))
                call('DEL', K .. 'wire:' .. id .. struct.pack('>I4', tonumber(f)))
            end
        end
    end

    -- contact actor: {key id, the threads that it names}. Idempotent.
    P.reg_full('erase_begin', function(K, a)
        local contact, key = a[1], K .. 'contact:' .. a[1]
        local v = call('HMGET', key, 'k', 'T')
        if not v[1] then
            return P.err('NOT_FOUND no such contact')
        end
        local now, out = P.now(), {v[1]}
        call('HSET', K .. 'erasing', contact, v[1] .. ' ' .. a[2])
        call('HSET', key, 'er', 1)
        for at = 1, #(v[2] or ''), 8 do
            out[#out + 1] = string.sub(v[2], at, at + 7)
        end
        forget(K, contact, now, a[2])
        return out
    end)

    -- contact cursor: {next cursor, threads…}: for those who have more threads than their record names.
    P.reg_ro('erase_scan', function(K, a)
        local page = call('ZSCAN', K .. 'threads', a[2], 'COUNT', 200)
        local out = {page[1]}
        for i = 1, #page[2], 2 do
            local id = page[2][i]
            if call('HGET', K .. 'thread:' .. id, 'c') == a[1] then
                out[#out + 1] = id
            end
        end
        return out
    end)

    -- thread actor
    P.reg_full('erase_thread', function(K, a)
        forget_thread(K, a[1], P.now(), a[2])
        return redis.status_reply('OK')
    end)

    -- kid hash: the line that outlives the key; the first time stays.
    P.reg_full('erase_ledger', function(K, a)
        call('HSETNX', K .. 'ledger', a[1], a[2] .. ' ' .. int(P.now()))
        return call('HGET', K .. 'ledger', a[1])
    end)

    -- contact kid actor: the key is gone: nodes drop it.
    P.reg_full('erase_keyless', function(K, a)
        local now = P.now()
        P.event(K, now, P.EV_KEYS, {'q', a[2], 'c', a[1], 'w', 'destroyed'})
        P.event(K, now, P.EV_CONTACT, {'c', a[1], 'w', 'erased', 'x', a[3]})
        return redis.status_reply('OK')
    end)

    -- contact actor
    P.reg_full('erase_done', function(K, a)
        if call('HDEL', K .. 'erasing', a[1]) == 1 then
            P.audit(K, a[2], 'contact.erase', 'contact:' .. P.hex(a[1]), '')
        end
        return call('HGET', K .. 'contact:' .. a[1], 'er') or ''
    end)

    P.reg_ro('erase_pending', function(K)
        return call('HGETALL', K .. 'erasing')
    end)
end
