-- SPDX-License-Identifier: Apache-2.0
-- What is older than its channel's retention, a few threads at a time. Notes and events go with the last message of their thread.
do
    local int = P.int
    local STEP = 100

    -- Calls fn(number, time, kind, channel) for each entry of a thread that is no event, oldest first, until it says false.
    local function each_entry(K, id, fn)
        local n = tonumber(call('HGET', K .. 'thread:' .. id, 'n')) or 0
        for from = 1, n, STEP do
            local fields = {}
            for seq = from, math.min(n, from + STEP - 1) do
                fields[#fields + 1] = int(seq)
            end
            for i, v in ipairs(call('HMGET', K .. 'log:' .. id, unpack(fields))) do
                local time, kind, _, channel
                if v then
                    time, kind, _, channel = P.log_head(v)
                end
                if time and fn(from + i - 1, time, kind % 8, channel) == false then
                    return
                end
            end
        end
    end

    -- cursor newest_end channel end channel end…: {next cursor, thread, numbers that are due, …}. Ends are times; newest_end is the
    -- latest of them.
    P.reg_ro('retention_page', function(K, a)
        local ends = {}
        for i = 3, #a, 2 do
            ends[a[i]] = tonumber(a[i + 1])
        end
        local newest = tonumber(a[2])
        local longest
        for _, e in pairs(ends) do
            longest = math.min(longest or e, e)
        end
        ends.desk = ends.desk or longest -- by hand: as long as the channel that keeps longest
        local page = call('ZSCAN', K .. 'threads', a[1], 'COUNT', 10)
        local out = {page[1]}
        for i = 1, #page[2], 2 do
            local id, due = page[2][i], {}
            each_entry(K, id, function(seq, time, kind, channel)
                if time >= newest then
                    return false
                elseif ends[channel] and time < ends[channel] then
                    due[#due + 1] = int(seq)
                end
            end)
            if #due > 0 then
                out[#out + 1], out[#out + 2] = id, table.concat(due, ' ')
            end
        end
        return out
    end)

    local function without(list, handle)
        for at = 1, #list, 8 do
            if string.sub(list, at, at + 7) == handle then
                return string.sub(list, 1, at - 1) .. string.sub(list, at + 8)
            end
        end
        return list
    end

    -- A resolved thread without messages goes; the contact when it was the last: 1 then.
    local function remove_thread(K, id)
        local t = P.thread(K, id)
        local message = false
        each_entry(K, id, function(_, _, kind, channel)
            message = message or channel ~= ''
            return not message
        end)
        if message or not t or t.st ~= P.RESOLVED then
            return 0
        end
        local contact = K .. 'contact:' .. t.c
        local list = without(call('HGET', contact, 'T') or '', id)
        call('HSET', contact, 'T', list)
        for cl = 0, 2 do
            if call('HGET', contact, 'o' .. cl) == id then
                call('HDEL', contact, 'o' .. cl)
            end
        end
        P.matters_forget(K, t, P.now(), 'system')
        call('DEL', K .. 'thread:' .. id, K .. 'log:' .. id)
        call('ZREM', K .. 'threads', id)
        call('ZREM', K .. 'reseal', id)
        return list == '' and 1 or 0
    end

    -- thread numbers: {whether its contact has no thread any more, contact}
    P.reg_full('retention_drop', function(K, a)
        local id = a[1]
        local log, contact = K .. 'log:' .. id, call('HGET', K .. 'thread:' .. id, 'c')
        for seq in string.gmatch(a[2], '%d+') do
            call('HDEL', log, seq, 's' .. seq, 'p' .. seq)
            call('DEL', K .. 'wire:' .. id .. struct.pack('>I4', tonumber(seq)))
        end
        return {contact and remove_thread(K, id) or 0, contact or ''}
    end)

    -- contact: its record, after it was erased, when nothing names it.
    P.reg_full('retention_contact', function(K, a)
        local v = call('HMGET', K .. 'contact:' .. a[1], 'T', 'er')
        if (v[1] or '') == '' and v[2] then
            call('DEL', K .. 'contact:' .. a[1])
        end
        return redis.status_reply('OK')
    end)

    -- entries contacts: what a run has removed
    P.reg_full('retention_done', function(K, a)
        P.audit(K, 'system', 'retention', 'entries', a[1] .. ' ' .. a[2])
        return redis.status_reply('OK')
    end)
end
