import type { Session } from '../../api/types';
export default function Admin({ who }: { who: Session }) { return <main className="main" id="work">{who.person.name}</main>; }
