/** A workflow's routing document in readable parts. Pure. */

export interface Filter {
  name: string;
  expression: string;
  /** SIDs of the queues, in the order in which they are tried. */
  queues: string[];
}

export interface RoutingDoc {
  filters: Filter[];
  otherwise?: string;
}

type Loose = Record<string, unknown>;

const object = (value: unknown): Loose => (value && typeof value === 'object' ? (value as Loose) : {});
const text = (value: unknown) => (typeof value === 'string' ? value : '');

/** Reads the document; undefined when it is not JSON. Both spellings of the old names are understood. */
export function readRouting(configuration: string): RoutingDoc | undefined {
  let doc: Loose;
  try {
    doc = object(JSON.parse(configuration || '{}'));
  } catch {
    return undefined;
  }
  const routing = object(doc.task_routing ?? doc['task-routing']);
  const filters = Array.isArray(routing.filters) ? routing.filters : Array.isArray(routing.filter) ? routing.filter : [];
  const fallback = object(routing.default_filter ?? routing.default);
  return {
    filters: filters.map(object).map((filter) => {
      const targets = Array.isArray(filter.targets) ? filter.targets : Array.isArray(filter.target) ? filter.target : [];
      return {
        name: text(filter.filter_friendly_name ?? filter.friendly_name) || text(filter.expression),
        expression: text(filter.expression),
        queues: targets.map((target) => text(object(target).queue)).filter(Boolean),
      };
    }),
    otherwise: text(fallback.queue ?? fallback.task_queue_sid) || undefined,
  };
}
