/** What flows ask outside: addresses of functions, and the assistant's endpoint. Usher's own API, for administrators. */
import { call, listAll } from './http';

export interface FunctionAddress {
  sid: string;
  /** A SID, a host, a path, a host with a path, or * for all. */
  match: string;
  function_url: string;
}

export interface Assistant {
  enabled: boolean;
  assistant_url: string;
  has_key: boolean;
  model: string;
  instructions: string;
  turns: number;
  output: number;
  seconds: number;
}

/** What of the assistant is changed; a key that is absent stays. */
export interface AssistantInput {
  url: string;
  key?: string;
  model: string;
  instructions: string;
  turns: number;
  output: number;
  seconds: number;
}

export const functions = () => listAll<FunctionAddress>('/usher/v1/Functions');
export const saveFunction = (sid: string | undefined, match: string, url: string) =>
  call<FunctionAddress>('POST', sid ? `/usher/v1/Functions/${sid}` : '/usher/v1/Functions', { Match: match, Url: url });
export const deleteFunction = (sid: string) => call<void>('DELETE', `/usher/v1/Functions/${sid}`);

export const assistant = () => call<Assistant>('GET', '/usher/v1/Assistant');
export const saveAssistant = ({ url, key, model, instructions, turns, output, seconds }: AssistantInput) =>
  call<Assistant>('POST', '/usher/v1/Assistant', { Url: url, Key: key, Model: model, Instructions: instructions, Turns: turns, Output: output, Seconds: seconds });
