-- SPDX-License-Identifier: Apache-2.0
-- "Same person?": a telephone number is no proof of who writes. On a new channel, after a long silence, with another name or language than the
-- one known, what comes opens a thread in doubt (du: why), apart from the contact's others until somebody has asked.
-- Of the contact: sc, the channels on which they are who they are said to be, with a tab around each; dd, the threads in doubt, newest first.
-- Of the thread: du why it is in doubt ("quiet": nothing is asked, since whatever else there is has a higher clearance, and a question would
-- be a trace of it); ds why it was, dk its channel and df its address then; dv "no" when somebody else was found; dh who
-- opened it by a number; ih, ib, ic the last check of identity: how, by
-- whom, when.
do
    local int = P.int
    local SILENCE_S = 180 * P.DAY_MS / 1000
    local DOUBTS_MOST = 16

    local function listed(list, channel)
        return list and string.find(list, '\t' .. channel .. '\t', 1, true) ~= nil
    end

    -- Why who writes may be somebody else: 'channel', 'silence', nil. v: the record of the address that leads to the contact.
    function P.doubt(K, now, contact, v, channel)
        local flags = byte(v, 9)
        if (flags >= P.DOUBTED or sub(v, 14) ~= channel) and not listed(call('HGET', K .. 'contact:' .. contact, 'sc'), channel) then
            return 'channel'
        elseif math.floor(now / 1000) - (unpack_s('>I4', v, 10)) > SILENCE_S then
            return 'silence'
        end
    end

    -- The thread in doubt of that channel and clearance which takes what comes, and its topic; nil.
    function P.doubted(K, now, contact, channel, cl, reopen_ms)
        local list = call('HGET', K .. 'contact:' .. contact, 'dd') or ''
        for i = 1, #list, 8 do
            local id = sub(list, i, i + 7)
            local t = call('HMGET', K .. 'thread:' .. id, 'st', 'rs', 'ch', 'cl', 'du', 'tp')
            if t[5] and t[3] == channel and tonumber(t[4] or 0) == cl and P.usable(t[1], t[2], now, reopen_ms) then
                return id, t[6]
            end
        end
    end

    -- What a thread of that clearance says of its doubt.
    function P.doubt_said(K, contact, cl, why)
        local list = call('HGET', K .. 'contact:' .. contact, 'T') or ''
        for i = 1, #list, 8 do
            local other = call('HGET', K .. 'thread:' .. sub(list, i, i + 7), 'cl')
            if other and tonumber(other) <= cl then
                return why
            end
        end
        return 'quiet'
    end

    -- A thread in doubt was made; v: the address's record as it was (nil: it is new). What was accepted until now stays so.
    function P.doubt_begins(K, contact, id, v, why, channel, set)
        local c = call('HMGET', K .. 'contact:' .. contact, 'sc', 'dd')
        set[#set + 1], set[#set + 2] = 'dd', sub(id .. (c[2] or ''), 1, 8 * DOUBTS_MOST)
        local accepted = c[1] or (v and byte(v, 9) < P.DOUBTED and '\t' .. sub(v, 14) .. '\t')
        if accepted and (why == 'name' or why == 'language') then
            accepted = string.gsub(accepted, '\t' .. string.gsub(channel, '%p', '%%%0') .. '\t', '\t')
        end
        if accepted and accepted ~= '\t' then
            set[#set + 1], set[#set + 2] = 'sc', accepted
        elseif c[1] then
            set[#set + 1], set[#set + 2] = 'sc', '\t'
        end
    end

    local function without(list, id)
        local out = {}
        for i = 1, #list, 8 do
            local one = sub(list, i, i + 7)
            if one ~= id then
                out[#out + 1] = one
            end
        end
        return table.concat(out)
    end

    local function flag(K, blind, contact, now, doubted)
        local owner, v = nil, nil
        if blind and #blind == 16 then
            owner, v = P.addr_get(K, blind)
        end
        if owner == contact then
            local flags = byte(v, 9) % P.DOUBTED + (doubted and P.DOUBTED or 0)
            local last = doubted and sub(v, 10, 13) or pack('>I4', math.floor(now / 1000))
            call('HSET', P.addr_key(K, blind), blind, sub(v, 1, 8) .. char(flags) .. last .. sub(v, 14))
        end
    end

    -- One thread of them joins the contact's others.
    local function accept(K, id, cl, st, contact)
        local key = K .. 'thread:' .. id
        local t = P.fields(key, 'du', 'ch', 'fa')
        call('HDEL', key, 'du', 'dv')
        call('HSET', key, 'ds', t.du, 'dk', t.ch, 'df', t.fa)
        local o = call('HGET', K .. 'contact:' .. contact, 'o' .. cl)
        if not o or st ~= tostring(P.RESOLVED) or call('HGET', K .. 'thread:' .. o, 'st') == tostring(P.RESOLVED) then
            call('HSET', K .. 'contact:' .. contact, 'o' .. cl, id)
        end
        if P.several(K, contact, id) then
            call('HSET', key, 'sv', '1')
        end
    end

    local function yes(K, t, now, actor)
        local key, h = K .. 'contact:' .. t.c, P.fields(K .. 'thread:' .. t.id, 'du', 'ch', 'fa', 'dh', 'li')
        if h.du == '' or h.du == 'quiet' then
            return false
        elseif h.dh == actor and (h.li == '' or h.li == '0') then -- else a number alone opens anybody's earlier threads
            return P.err('FORBIDDEN somebody else confirms it, or the person writes in this thread first')
        end
        local c = call('HMGET', key, 'sc', 'dd')
        local list, left = c[2] or '', {}
        for i = 1, #list, 8 do -- those of the same channel that are not ended are the same conversation
            local id = sub(list, i, i + 7)
            local x = call('HMGET', K .. 'thread:' .. id, 'ch', 'st', 'cl', 'du')
            if id ~= t.id and x[4] and x[1] == h.ch and x[2] ~= tostring(P.RESOLVED) then
                accept(K, id, x[3] or '0', x[2], t.c)
            elseif id ~= t.id and x[4] then
                left[#left + 1] = id
            end
        end
        accept(K, t.id, int(t.cl), tostring(t.st), t.c)
        local accepted = c[1] or '\t'
        if not listed(accepted, h.ch) then
            accepted = accepted .. h.ch .. '\t'
        end
        call('HSET', key, 'sc', accepted, 'dd', table.concat(left))
        flag(K, h.fa, t.c, now, false)
        return true
    end

    local function undo(K, t, now)
        local key, h = K .. 'contact:' .. t.c, P.fields(K .. 'thread:' .. t.id, 'ds', 'dv', 'dk', 'df')
        if h.dv ~= '' then
            call('HDEL', K .. 'thread:' .. t.id, 'dv')
            return true
        elseif h.ds == '' then
            return false
        end
        call('HSET', K .. 'thread:' .. t.id, 'du', h.ds, 'ch', h.dk, 'fa', h.df)
        call('HDEL', K .. 'thread:' .. t.id, 'ds', 'dk', 'df')
        local c = call('HMGET', key, 'sc', 'dd', 'T', 'o' .. t.cl)
        local sc = string.gsub(c[1] or '\t', '\t' .. string.gsub(h.dk, '%p', '%%%0') .. '\t', '\t')
        call('HSET', key, 'sc', sc, 'dd', sub(t.id .. without(c[2] or '', t.id), 1, 8 * DOUBTS_MOST))
        if c[4] == t.id then
            call('HDEL', key, 'o' .. t.cl)
            for i = 1, #(c[3] or ''), 8 do
                local id = sub(c[3], i, i + 7)
                local x = call('HMGET', K .. 'thread:' .. id, 'cl', 'du', 'c')
                if x[3] and not x[2] and tonumber(x[1] or 0) == t.cl then
                    call('HSET', key, 'o' .. t.cl, id)
                    break
                end
            end
        end
        flag(K, h.df, t.c, now, true)
        return true
    end

    -- thread actor verdict (yes, no, undo)
    P.reg('same_person', function(K, a)
        local t, now = P.thread(K, a[1]), P.now()
        if not t then
            return P.err('NOT_FOUND no such thread')
        end
        local done = false
        if a[3] == 'yes' then
            done = yes(K, t, now, a[2])
        elseif a[3] == 'undo' then
            done = undo(K, t, now)
        elseif (call('HGET', K .. 'thread:' .. t.id, 'du') or 'quiet') ~= 'quiet' then
            done = true
            call('HSET', K .. 'thread:' .. t.id, 'dv', 'no')
        end
        if type(done) == 'table' then
            return done
        elseif not done then
            return P.err('CONFLICT there is no such question about this thread')
        end
        P.change(K, t, {now = now, actor = a[2], why = 'same', a = a[3], set = {}})
        P.event(K, now, P.EV_CONTACT, {'c', t.c, 'w', 'addresses', 'x', a[2]})
        return P.answer(K, t.id)
    end)

    -- thread actor how result (passed, failed)
    P.reg('identity', function(K, a)
        local t, now = P.thread(K, a[1]), P.now()
        if not t then
            return P.err('NOT_FOUND no such thread')
        end
        local set = {'ih', a[3], 'ib', a[2], 'ic', int(now)}
        if a[4] ~= 'passed' then
            set[2] = ''
        end
        P.change(K, t, {now = now, actor = a[2], why = 'identity', a = a[3], b = a[4], set = set, detail = a[3] .. ' ' .. a[4]})
        return P.answer(K, t.id)
    end)
end
