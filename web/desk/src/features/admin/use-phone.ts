import { useCallback, useEffect, useState } from 'react';
import { readPhone, writePhone, type PhoneMessage } from '../../api/phone';
import { mergePhone } from './phone-log';

/** Pause after a question that failed, ms. */
const AGAIN = 3_000;

/** Follows what is written between a phone and a number, and writes on the phone. */
export function usePhone(connection: string, phone: string, number: string) {
  const [messages, set] = useState<PhoneMessage[]>();
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (since?: string): Promise<void> => {
      try {
        const answer = await readPhone(connection, phone, number, since);
        if (over) return;
        set((old) => mergePhone(old ?? [], answer.messages));
        return await ask(answer.since);
      } catch {
        if (!over) timer = setTimeout(() => void ask(since), AGAIN);
      }
    };
    set(undefined);
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [connection, phone, number]);
  const write = useCallback((id: string, body: string) => writePhone(connection, phone, number, id, body), [connection, phone, number]);
  return { messages, write };
}
