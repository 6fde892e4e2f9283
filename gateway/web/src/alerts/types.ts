// A red alert as gateway/api/openapi/alerts.json has it.
export type AlertState = 'possible' | 'raised' | 'notified' | 'acknowledged' | 'handed' | 'closed' | 'dismissed';
export type AlertVerb = 'confirm' | 'acknowledge' | 'handover' | 'close' | 'dismiss';

export interface RedAlert {
  code: string;
  state: AlertState;
  how: 'agent' | 'flow' | 'api' | 'words' | 'drill';
  drill: boolean;
  clearance: number;
  /** Like events that were told as one. */
  count: number;
  steps: number;
  /** Does this page ring for it? */
  ring: boolean;
  category: string;
  area: string | null;
  thread: string | null;
  contact: string | null;
  group: string | null;
  by: string | null;
  acknowledged_by: string | null;
  handed_by: string | null;
  ended_by: string | null;
  since: string;
  raised: string | null;
  first_notice: string | null;
  acknowledged: string | null;
  handed: string | null;
  ended: string | null;
  /** What I may do with it now. */
  may: AlertVerb[];
}

export interface AlertNotice {
  step: string;
  agent: string;
  way: string;
  outcome: 'queued' | 'sent' | 'failed' | 'retry' | 'dropped' | 'absent';
  tries: number;
  time: string;
}

export interface AlertDetail extends RedAlert {
  name: string | null;
  note: string | null;
  handover: string | null;
  reason: string | null;
  notices: AlertNotice[];
}

export interface AlertSettings {
  categories: { id: string; name: Record<string, string> }[];
  confirm_s: number;
  on_rota: boolean;
  on_duty: boolean;
  rota: number;
}

export const OPEN: readonly AlertState[] = ['possible', 'raised', 'notified', 'acknowledged', 'handed'];
