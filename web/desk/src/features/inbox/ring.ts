/** The sound and the notification of a chat that waits for an answer. Made of tones: no file is loaded. */
import { useEffect } from 'react';
import { usePref } from '../../ui/prefs';

let audio: AudioContext | undefined;

/** Two soft bell tones, a fifth apart. */
function bell(context: AudioContext): void {
  const start = context.currentTime + 0.02;
  for (const [pitch, at] of [[660, 0], [990, 0.16]] as const) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.type = 'sine';
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, start + at);
    volume.gain.linearRampToValueAtTime(0.18, start + at + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.001, start + at + 0.9);
    tone.connect(volume).connect(context.destination);
    tone.start(start + at);
    tone.stop(start + at + 1);
  }
}

/** Browsers let a page sound only after a gesture: the first one anywhere wakes the audio. */
export function useAudioWake(): void {
  useEffect(() => {
    const wake = () => {
      audio ??= new AudioContext();
      void audio.resume();
    };
    const once = { once: true, capture: true };
    window.addEventListener('pointerdown', wake, once);
    window.addEventListener('keydown', wake, once);
    return () => {
      window.removeEventListener('pointerdown', wake, once);
      window.removeEventListener('keydown', wake, once);
    };
  }, []);
}

export function useRingPref(): [boolean, (on: boolean) => void] {
  const [value, set] = usePref('ring', 'on');
  return [value === 'on', (on) => set(on ? 'on' : 'off')];
}

/** Rings every 2.5 s while `on`; of many tabs only one rings. */
export function useRing(on: boolean): void {
  useEffect(() => {
    if (!on) return undefined;
    let timer: ReturnType<typeof setInterval> | undefined;
    const stop = new AbortController();
    const sound = () => audio?.state === 'running' && bell(audio);
    const ring = () => new Promise<void>((done) => {
      sound();
      timer = setInterval(sound, 2500);
      stop.signal.addEventListener('abort', () => done());
    });
    if (navigator.locks) navigator.locks.request('usher.ring', { signal: stop.signal }, ring).catch(() => undefined);
    else void ring();
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [on]);
}

/** Tells through the browser while this tab is behind others. */
export function useNotify(tag: string | undefined, title: string, body: string): void {
  useEffect(() => {
    if (!tag || typeof Notification === 'undefined' || Notification.permission !== 'granted' || !document.hidden) return undefined;
    const notification = new Notification(title, { body, tag, icon: '/desk/icon.svg' });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    return () => notification.close();
    // The tag stands for the ring: words that change meanwhile do not notify again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [tag]);
}
