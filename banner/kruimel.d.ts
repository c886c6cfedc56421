// What a page can ask of Kruimel, and the events that it can listen to.

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
  /** What was granted or taken back by this change. */
  changedCategories: string[];
}

export interface ModalDetail {
  modalName: 'consentModal' | 'preferencesModal';
}

declare global {
  interface Window {
    kruimel: Kruimel;
  }
  interface WindowEventMap {
    /** The visitor decided for the first time. */
    'kruimel:onFirstConsent': CustomEvent<ConsentDetail>;
    /** There is a choice: on each page that finds one, and when the first is made. */
    'kruimel:onConsent': CustomEvent<ConsentDetail>;
    /** A later decision granted or took back something, here or in another tab. */
    'kruimel:onChange': CustomEvent<ChangeDetail>;
    'kruimel:onModalShow': CustomEvent<ModalDetail>;
    'kruimel:onModalHide': CustomEvent<ModalDetail>;
  }
}
