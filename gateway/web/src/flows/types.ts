// What the server says of flows: gateway/api/openapi/flows.json.
export interface Choice {
  id: string;
  title: string;
}

export interface FlowStep {
  say: { text: string; choices?: Choice[] }[];
  run: Record<string, unknown>;
  language?: string;
  contact?: Record<string, unknown>;
  alarm?: boolean;
  hand_over?: { why: string; topic?: string; priority?: number; clearance?: number; category?: string };
}
