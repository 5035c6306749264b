/** What a worker's attributes say. Pure. */
import type { Attributes, Person, Worker } from '../../api/types';

/** A worker with the person who signs in as it. An invited person becomes a worker with the first sign-in. */
export interface Colleague {
  /** The worker's SID, else the person's. */
  sid: string;
  worker?: Worker;
  person?: Person;
  name: string;
  skills: string[];
}

const text = (value: unknown) => (typeof value === 'string' && value.trim() ? value.trim() : undefined);

export function skillsOf(attributes: Attributes): string[] {
  const { routing } = attributes;
  const skills = routing && typeof routing === 'object' ? (routing as Attributes).skills : undefined;
  return Array.isArray(skills) ? skills.filter((skill): skill is string => typeof skill === 'string') : [];
}

/** Workers with their people, and people who are invited: available ones first, then by name. */
export function colleagues(workers: Worker[], people: Person[]): Colleague[] {
  const bySid = new Map(people.flatMap((person) => (person.worker_sid ? [[person.worker_sid, person] as const] : [])));
  const rows = workers.map((worker): Colleague => {
    const person = bySid.get(worker.sid);
    return { sid: worker.sid, worker, person, name: person?.name || text(worker.attributes.full_name) || worker.friendly_name, skills: skillsOf(worker.attributes) };
  });
  const known = new Set(workers.map((worker) => worker.sid));
  const invited = people.filter((person) => !person.worker_sid || !known.has(person.worker_sid));
  rows.push(...invited.map((person): Colleague => ({ sid: person.sid, person, name: person.name || person.email, skills: [] })));
  return rows.sort((a, b) => Number(b.worker?.available ?? false) - Number(a.worker?.available ?? false) || a.name.localeCompare(b.name));
}

export type JsonProblem = { kind: 'syntax'; why: string } | { kind: 'shape' };

/** Reads the attributes field: an object, or what is wrong with it. */
export function parseAttributes(source: string): { value: Attributes } | { problem: JsonProblem } {
  let value: unknown;
  try {
    value = JSON.parse(source.trim() || '{}');
  } catch (error) {
    return { problem: { kind: 'syntax', why: error instanceof Error ? error.message : '' } };
  }
  if (!value || typeof value !== 'object' || Array.isArray(value)) return { problem: { kind: 'shape' } };
  return { value: value as Attributes };
}
