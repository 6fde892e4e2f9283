-- SPDX-License-Identifier: Apache-2.0
-- An operation's document, the events' resumption, quarantine, and the encrypted wire log.
do
    local int = P.int

    -- version document (sealed) actor
    P.reg('document_put', function(K, a)
        local was = call('HGET', K .. 'doc', 'v') or '0'
        if was ~= a[1] then
            return P.err('CONFLICT the document has changed')
        end
        local now, version = P.now(), int(tonumber(was) + 1)
        call('HSET', K .. 'doc', 'v', version, 'd', a[2])
        P.event(K, now, P.EV_CONFIG, {'x', a[3], 'q', version})
        P.audit(K, a[3], 'operation.apply', '', version)
        return version
    end)

    -- id: may a listener go on after it? 1 when it is there, or the newest that ever was.
    P.reg_ro('events_has', function(K, a)
        local key = K .. 'events'
        if call('EXISTS', key) == 0 then
            return a[1] == '0-0' and 1 or 0
        elseif #call('XRANGE', key, a[1], a[1], 'COUNT', 1) > 0 then
            return 1
        end
        local info = call('XINFO', 'STREAM', key)
        local last, added, length
        for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
                last = info[i + 1]
            elseif info[i] == 'entries-added' then
                added = info[i + 1]
            elseif info[i] == 'length' then
                length = info[i + 1]
            end
        end
        return (a[1] == last or (a[1] == '0-0' and added == length)) and 1 or 0
    end)

    -- channel why raw (sealed)
    P.reg('quarantine_add', function(K, a)
        return call('XADD', K .. 'quarantine', 'MINID', '~', int(P.now() - 30 * P.DAY_MS), '*', 'c', a[1], 'w', a[2], 'x', a[3])
    end)

    -- thread number clearance 1 + json (sealed)
    P.reg('wire_add', function(K, a)
        local key = K .. 'wire:' .. a[1] .. pack('>I4', tonumber(a[2]))
        call('RPUSH', key, a[3])
        call('LTRIM', key, -50, -1)
        call('PEXPIRE', key, 8 * P.DAY_MS)
        return redis.status_reply('OK')
    end)
end
