-- SPDX-License-Identifier: Apache-2.0
-- The audit's doors: lines for what is no change of the store, and the seals of the lease's holder.
-- audit stream: a actor, x action, o object, d detail, c clearance that it takes to know of it (0 is left out). seals stream: s number, n lines, c lines in all, l last line's id, h hash.
do
    -- actor action object detail, any number of times
    P.reg_full('audit_add', function(K, a)
        for i = 1, #a, 4 do
            P.audit(K, a[i], a[i + 1], a[i + 2], a[i + 3])
        end
        return redis.status_reply('OK')
    end)

    -- actor action object detail clearance, any number of times
    P.reg_full('audit_put', function(K, a)
        for i = 1, #a, 5 do
            P.audit(K, a[i], a[i + 1], a[i + 2], a[i + 3], a[i + 4])
        end
        return redis.status_reply('OK')
    end)

    -- fence number lines total last hash: the next seal, when it is the next.
    P.reg_full('audit_seal', function(K, a)
        if P.fenced(K, 'audit', a[1]) then
            return P.err('FENCED')
        end
        local last = call('XREVRANGE', K .. 'seals', '+', '-', 'COUNT', 1)[1]
        local number = 0
        for i = 1, last and #last[2] or 0, 2 do
            number = last[2][i] == 's' and tonumber(last[2][i + 1]) or number
        end
        if tonumber(a[2]) ~= number + 1 then
            return P.err('CONFLICT another seal came first')
        end
        return call('XADD', K .. 'seals', '*', 's', a[2], 'n', a[3], 'c', a[4], 'l', a[5], 'h', a[6])
    end)
end
