/** What a worker's attributes say. Pure. */
import type { Attributes, Person, Worker } from '../../api/types';

/** A worker with the person who signs in as it, when there is one. */
export interface Colleague {
  worker: Worker;
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

/** Workers with their people; available ones first, then by name. */
export function colleagues(workers: Worker[], people: Person[]): Colleague[] {
  const bySid = new Map(people.flatMap((person) => (person.worker_sid ? [[person.worker_sid, person] as const] : [])));
  return workers
    .map((worker): Colleague => {
      const person = bySid.get(worker.sid);
      return { worker, person, name: person?.name || text(worker.attributes.full_name) || worker.friendly_name, skills: skillsOf(worker.attributes) };
    })
    .sort((a, b) => Number(b.worker.available) - Number(a.worker.available) || a.name.localeCompare(b.name));
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
