-- SPDX-License-Identifier: Apache-2.0
-- Figures for operators: counters, and sizes that Redis knows.
do
    -- contacts threads entries open outbox dead quarantined files
    P.reg_ro('count', function(K)
        local c = P.fields(K .. 'counts', 'contacts', 'entries', 'outbox', 'dead')
        local open = call('ZCARD', K .. 'waiting') + call('ZCARD', K .. 'snoozed')
        for _, agent in ipairs(call('SMEMBERS', K .. 'agents')) do
            open = open + call('SCARD', K .. 'held:' .. agent) -- offered ones too
        end
        return {tonumber(c.contacts) or 0, call('ZCARD', K .. 'threads'), tonumber(c.entries) or 0, open,
            tonumber(c.outbox) or 0, tonumber(c.dead) or 0, call('XLEN', K .. 'quarantine'), call('SCARD', K .. 'blobs')}
    end)
end
