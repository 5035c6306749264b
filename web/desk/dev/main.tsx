/** Entry of the faked desk: `?fake=NAME` picks the scenario; it is remembered for the tab. */
import { mount } from '../src/root';
import { installFake } from './fake/install';

const asked = new URLSearchParams(location.search).get('fake');
if (asked) sessionStorage.setItem('fake', asked);
installFake(sessionStorage.getItem('fake') ?? 'desk');
mount(document.getElementById('root')!);
