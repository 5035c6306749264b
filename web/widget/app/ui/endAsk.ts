import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

/** Whether the visitor is being asked if the chat shall end, and how to ask. */
export const EndAskContext = createContext<[boolean, (ask: boolean) => void]>([false, () => {}]);

export const useEndAsk = () => useContext(EndAskContext);
