import type { Token } from './api.ts';

/** Who a token is for and until when, read from the token itself. Its signature is the server's business. */
export function readToken(token: string): Token | undefined {
  try {
    const part = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return { token, identity: claims.grants?.identity ?? '', expires: claims.exp * 1000 };
  } catch {
    return undefined;
  }
}
