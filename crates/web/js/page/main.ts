import { hasMemory64 } from 'v64';
import { Bench, type End, type State } from './bench.ts';
import { Display } from './display.ts';
import { need, say } from './dom.ts';
import { hideFault, sentence, showFault, tell, type Told } from './fault.ts';
import { Files } from './files.ts';
import { firmware, gallery, linked, showGallery } from './gallery.ts';
import { debian, demo, type Guest, type Progress } from './guests.ts';
import { touchKeys } from './keys.ts';
import { parseLink } from './links.ts';
import { Media } from './media.ts';
import { clock, Readings } from './readings.ts';
import { Screen } from './screen.ts';
import { Sound } from './sound.ts';
import { States } from './states.ts';
import { theme } from './theme.ts';

const STATES: Record<State, string> = {
  off: 'Off',
  loading: 'Loading',
  starting: 'Starting',
  running: 'Running',
  paused: 'Paused',
  ended: 'Ended',
  failed: 'Failed',
};

function button(id: string): HTMLButtonElement {
  return need<HTMLButtonElement>(id);
}

/** Whether this browser can run the machine at all. */
const capable = hasMemory64();
/** Why the last boot failed, until another begins. */
let fault: Told | undefined;

function showState(state: State): void {
  need('state').dataset['state'] = state;
  say(need('state-text'), STATES[state]);
  const live = state === 'running' || state === 'paused';
  const coming = state === 'loading' || state === 'starting';
  const main = button('start-stop');
  main.dataset['shows'] = state === 'running' ? 'pause' : 'start';
  main.disabled = coming || !capable;
  say(need('start-stop-text'), state === 'running' ? 'Pause' : state === 'paused' ? 'Resume' : 'Start');
  screen.live(live || coming);
  if (!live && !coming) display.disconnect();
  if (!live) media.connect(undefined);
  for (const key of document.querySelectorAll<HTMLButtonElement>('.guests .key')) key.disabled = !capable;
  button('reset').disabled = !live;
  button('power').disabled = !live && !coming;
  states.show(state);
  need('cover').hidden = !coming;
  need('chooser').hidden = state !== 'off';
  document.title = bench.guest ? `${STATES[state]}: ${bench.guest.name} · v64` : 'v64';
}

function showProgress({ name, loaded, total, doing }: Progress): void {
  const mega = (n: number) => (n / 1e6).toFixed(1);
  const bar = need<HTMLProgressElement>('progress');
  if (doing !== undefined) {
    say(need('cover-title'), `This server gets the ${name} first`);
    say(need('cover-text'), sentence(doing));
    return bar.removeAttribute('value');
  }
  say(need('cover-title'), `Downloading the ${name}`);
  say(need('cover-text'), total ? `${mega(loaded)} of ${mega(total)} MB` : `${mega(loaded)} MB`);
  if (total) bar.value = loaded / total;
  else bar.removeAttribute('value');
}

function showStart(): void {
  say(need('cover-title'), 'Starting the machine');
  say(need('cover-text'), '');
  need<HTMLProgressElement>('progress').removeAttribute('value');
}

function showEnd({ exitCode, reason }: End): void {
  say(need('ended'), `${reason || 'The machine has ended'} · exit code ${exitCode} · ${clock(bench.time)}`);
  need('ended').hidden = false;
}

const bench = new Bench({
  state(state) {
    showState(state);
    if (state === 'starting') showStart();
  },
  progress: showProgress,
  serial: (bytes) => screen.write(bytes),
  machine(vm, canvas) {
    display.connect(vm, canvas);
    media.connect(vm);
    sound.connect(vm);
  },
  ended: showEnd,
  failed: (error) => void failed(error),
});

/** Says why a boot failed, unless another has begun meanwhile. */
async function failed(error: unknown): Promise<void> {
  const { guest, parts } = bench;
  const told = await tell(error, { guest, parts });
  if (bench.state !== 'failed' || bench.guest !== guest) return;
  fault = told;
  showFault(told);
}

/** Readies the page for a guest in place of another. */
function begin(guest: Guest): void {
  hideFault();
  fault = undefined;
  need('ended').hidden = true;
  screen.fresh();
  display.fresh();
  readings.fresh();
  say(need('guest-name'), guest.name);
  for (const key of document.querySelectorAll('.guests .key')) {
    const pressed = key.id === guest.id || (key as HTMLElement).dataset['guest'] === guest.id;
    key.setAttribute('aria-pressed', String(pressed));
  }
  // In a narrow window the keys that boot lie below the screen.
  need('screen').scrollIntoView({ block: 'nearest' });
  focus();
}

function boot(guest: Guest): void {
  begin(guest);
  showStart();
  void bench.boot(guest);
}

/** To what the glass shows, unless a keyboard would rise and hide half of it. */
function focus(): void {
  if (!matchMedia('(pointer: fine)').matches) return;
  if (display.view === 'display') display.focus();
  else screen.focus();
}

/** Boots the same guest again; where that cannot work, does what can. */
function again(): void {
  const guest = bench.guest ?? debian;
  const remedy = fault?.remedy;
  if (remedy?.kind === 'memory') return boot({ ...guest, memory: remedy.memory });
  if (remedy?.kind === 'settings') return files.change(remedy.field ?? 'kernel', remedy.memory);
  boot(guest);
}

/** Says what is wrong with the page's address. */
function refuseLink(why: string): void {
  say(need('link-error'), why);
  need('link-error').hidden = false;
}

/** Boots what the page's address names, as `?guest=memtest` and `?cdrom=https://...` do. */
function bootLinked(): void {
  const parameters = new URLSearchParams(location.search);
  if (!capable) return;
  const link = parseLink(parameters, document.baseURI);
  if (link) return 'error' in link ? refuseLink(link.error) : boot(linked(link));
  const wanted = parameters.get('guest');
  if (wanted === null) return;
  const guests = [debian, demo, ...gallery, firmware];
  const guest = guests.find(({ id }) => id === wanted);
  if (guest) return boot(guest);
  refuseLink(`No guest is called ${wanted}. There are ${guests.map(({ id }) => id).join(', ')}.`);
}

const type = (text: string) => bench.type(text);
let held = (text: string) => text;
const screen = new Screen((text) => type(held(text)));
const display = new Display((view) => {
  need('terminal').hidden = view !== 'serial';
  if (view === 'serial') screen.fit();
});
held = touchKeys(type, () => screen.focus());
const readings = new Readings(bench);
const media = new Media(bench);
const sound = new Sound();
const states = new States(bench, screen, begin);
const files = new Files(boot, (state) => states.open(state));

showGallery(need('gallery'), boot);
need('choose-debian').addEventListener('click', () => boot(debian));
need('choose-own').addEventListener('click', () => files.open());
for (const guest of [debian, demo]) {
  document.querySelector(`[data-guest="${guest.id}"]`)?.addEventListener('click', () => boot(guest));
}
button('start-stop').addEventListener('click', () => {
  if (bench.state === 'running') return bench.pause();
  if (bench.state === 'paused') bench.resume();
  else again();
  focus();
});
button('reset').addEventListener('click', () => {
  bench.reset();
  focus();
});
button('power').addEventListener('click', () => bench.power());
need('fault-remedy').addEventListener('click', again);
need('fault-close').addEventListener('click', hideFault);
need('glass').addEventListener('click', () => {
  if (display.view === 'display') return;
  if (!getSelection()?.toString() && (bench.state === 'running' || bench.state === 'paused')) screen.focus();
});
// Leaving ends the machine at once; coming back from the browser's cache boots anew.
addEventListener('pagehide', () => bench.leave());
addEventListener('pageshow', (event) => {
  if (event.persisted && bench.guest) boot(bench.guest);
});

// For the browser's console, and for tests.
Object.assign(globalThis, { v64: { bench, screen, display } });

theme();
showState('off');
bootLinked();
if (!capable) {
  showState('failed');
  void tell({ code: 'NO_MEMORY64' }, { guest: undefined, parts: undefined }).then(showFault);
}
