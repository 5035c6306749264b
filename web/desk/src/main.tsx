import { mount } from './root';

mount(document.getElementById('root')!);
