import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app';
import { Crash } from './shell/crash';
import { theme } from './theme';
import { ToastProvider } from './ui/toast';
import 'virtual:theme.css';
import '@mantine/core/styles/Overlay.layer.css';
import '@mantine/core/styles/ModalBase.layer.css';
import '@mantine/core/styles/Modal.layer.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/desk.css';

/** Keeps the attribute that theme.js and ui/appearance set: Mantine only reads it. */
const manager = {
  get: () => (document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark' ? ('dark' as const) : ('light' as const)),
  set: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  clear: () => undefined,
};

/** Mounts the desk. Mantine's own `<style>` elements are off: theme.ts is a static stylesheet. */
export function mount(element: HTMLElement): void {
  const cache = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false, retry: 1 } } });
  createRoot(element).render(
    <StrictMode>
      <MantineProvider theme={theme} withCssVariables={false} withGlobalClasses={false} colorSchemeManager={manager} getRootElement={() => undefined}>
        <QueryClientProvider client={cache}>
          <BrowserRouter basename="/desk">
            <ToastProvider><Crash><App /></Crash></ToastProvider>
          </BrowserRouter>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
