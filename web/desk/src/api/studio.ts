/** Studio flows: drafts, publishing, revisions, validation. Names are the public API's. */
import { ApiError, call, listAll } from './http';
import type { Form, StudioFlow } from './types';

/** A mistake in a definition: what, and where as a JSON pointer behind `#`. */
export interface Mistake {
  message: string;
  property_path: string;
}

/** One kept state of a flow; lists leave the definition and the commit message null. */
export interface Revision {
  revision: number;
  status: 'draft' | 'published';
  friendly_name: string;
  date_created: string;
  date_updated: string | null;
  commit_message: string | null;
  definition: unknown;
  valid: boolean | null;
  errors: Mistake[] | null;
}

export interface FlowDetail extends StudioFlow, Revision {
  webhook_url: string;
}

export interface FlowDraft {
  name: string;
  /** JSON text, or a value that becomes it. */
  definition: unknown;
  status: 'draft' | 'published';
  message?: string;
}

const path = '/studio/v2/Flows';

const form = ({ name, definition, status, message }: FlowDraft): Form => ({
  FriendlyName: name,
  Definition: typeof definition === 'string' ? definition : JSON.stringify(definition),
  Status: status,
  CommitMessage: message || undefined,
});

export const studioFlow = (sid: string) => call<FlowDetail>('GET', `${path}/${sid}`);
export const createStudioFlow = (draft: FlowDraft) => call<FlowDetail>('POST', path, form(draft));
/** Makes a revision. */
export const updateStudioFlow = (sid: string, draft: FlowDraft) => call<FlowDetail>('POST', `${path}/${sid}`, form(draft));
export const deleteStudioFlow = (sid: string) => call<void>('DELETE', `${path}/${sid}`);
export const revisionsOf = (sid: string) => listAll<Revision>(`${path}/${sid}/Revisions`);
export const revisionOf = (sid: string, revision: number) => call<Revision>('GET', `${path}/${sid}/Revisions/${revision}`);

/** The mistakes that a refusal names; undefined when it is about something else. */
export function mistakesOf(error: unknown): Mistake[] | undefined {
  if (!(error instanceof ApiError) || error.status !== 400) return undefined;
  const { errors } = (error.details ?? {}) as { errors?: Mistake[] };
  return Array.isArray(errors) && errors.length > 0 ? errors : undefined;
}

/** Asks the server what is wrong with a definition; nothing when it could be published. */
export async function validateStudio(name: string, definition: unknown): Promise<Mistake[]> {
  try {
    await call('POST', `${path}/Validate`, form({ name: name || '-', definition, status: 'published' }));
    return [];
  } catch (error) {
    const mistakes = mistakesOf(error);
    if (mistakes) return mistakes;
    throw error;
  }
}
