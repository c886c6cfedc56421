// What a page can ask of Kruimel, the events that it can listen to, and the functions of the npm package.
//
// A page that carries the script tag itself gets the types of `window.kruimel` with `import type {} from 'kruimel-banner'`.

/** The visitor's choice, as the cookie `kruimel` holds it. */
export interface Choice {
  /** The granted categories; `necessary` first. */
  categories: string[];
  /** Granted services per category, where they are chosen one by one; a category without an entry is granted whole. */
  services: Record<string, string[]>;
  /** The revision of the declaration that was decided on. */
  revision: number;
  /** With a grant: the random id of the receipt. A refusal has none. */
  consentId?: string;
  /** With a grant: when it was first given (RFC 3339, UTC). */
  consentTimestamp?: string;
  /** With a grant: when it was last decided (RFC 3339, UTC). */
  lastConsentTimestamp?: string;
  /** With a grant: the language that was shown. */
  languageCode?: string;
  /** With a grant: its end, in milliseconds since 1970. */
  expirationTime?: number;
  /** With a refusal: its day in UTC, `YYYY-MM-DD`. */
  day?: string;
  /** With a refusal that was taken over from another tool: its own end, `YYYY-MM-DD`. */
  until?: string;
  /** It ends with the browser's session. */
  session?: true;
}

export interface Kruimel {
  /** Shows the first layer. */
  show(): void;
  /** Shows the preferences with the current state. */
  showPreferences(): void;
  /**
   * Grants these categories beside those granted already. Only right after a gesture of the visitor; without one, nothing
   * happens.
   */
  acceptCategory(names: 'all' | string | string[]): void;
  /** Whether this category, and this service in it, is granted at the moment. */
  acceptedCategory(name: string, service?: string): boolean;
  /** The choice that the page follows; `undefined` while the visitor has not chosen. */
  getUserPreferences(): Choice | undefined;
  /** Takes back everything that was granted. */
  withdraw(): void;
  /** Asks for a new visitor id, for when someone logs out. */
  reset(): void;
  /** Tells an event of the page's own. What is not granted is discarded. */
  track(name: string, properties?: Record<string, string>): void;
}

export interface ConsentDetail {
  cookie: Choice;
}

export interface ChangeDetail {
  /** The choice that counts from now on; `undefined` when it ran out or was removed. */
  cookie?: Choice;
  /** What was granted or taken back by this change, as a whole or in part. */
  changedCategories: string[];
  /** In a second event after something was taken back: what could not be removed from the page. */
  left?: Left[];
}

export interface Left {
  name: string;
  provider: string;
  /** Where it is kept; `elsewhere` is another company's own address. */
  where: 'cookie' | 'local' | 'session' | 'indexeddb' | 'cache' | 'elsewhere';
}

export interface ModalDetail {
  modalName: 'consentModal' | 'preferencesModal';
}

/** The events by their name without `kruimel:`. */
export interface Events {
  /** The visitor decided for the first time. */
  onFirstConsent: ConsentDetail;
  /** There is a choice: on each page that finds one, and when the first is made. */
  onConsent: ConsentDetail;
  /** A later decision granted or took back something, here or in another tab. */
  onChange: ChangeDetail;
  onModalShow: ModalDetail;
  onModalHide: ModalDetail;
}

export interface LoadOptions {
  /**
   * The address of the site's loader at the collector: `/kruimel/example.js`. Where the page asks for Trusted Types, a
   * `TrustedScriptURL` of a policy of its own.
   */
  src: string | { toString(): string };
  /** The nonce of the page's Content-Security-Policy, if scripts need one. */
  nonce?: string;
}

/**
 * Inserts the script tag, or waits for the page's own. Gives `window.kruimel`; `undefined` on a server, and where the
 * script cannot be loaded: then nothing is allowed. It never rejects, and may be called again.
 */
export function load(options: LoadOptions): Promise<Kruimel | undefined>;

/** `window.kruimel`, if it is there by now. */
export function kruimel(): Kruimel | undefined;

/** Whether this category, and this service in it, is allowed at the moment; `false` while Kruimel is not there. */
export function accepted(category: string, service?: string): boolean;

/** Listens to an event. Gives the function that ends it. */
export function on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void;

/**
 * Calls back whenever what is allowed may have changed. Gives the function that ends it: the shape that React's
 * `useSyncExternalStore` and the stores of other frameworks take.
 */
export function subscribe(listener: () => void): () => void;

type WindowEvents<Prefix extends string> = { [Name in keyof Events as `${Prefix}${Name}`]: CustomEvent<Events[Name]> };

declare global {
  interface Window {
    /** Missing until the script has run, and where it is blocked. */
    kruimel?: Kruimel;
  }
  /** `cc:` is there where the site's config has `event_aliases = true`. */
  interface WindowEventMap extends WindowEvents<'kruimel:'>, WindowEvents<'cc:'> {}
}
