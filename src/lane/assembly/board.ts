/**
 * The board: where the lane and its host leave numbers for each other. A slot is 8 bytes, an i32 or an f64; this file is
 * read by both compilers, so it holds nothing but constants.
 */

// What `run` returns.
/** All events are told. */
export const DONE = 0;
/** An event is for the host; it is taken off its cursor already. */
export const EVENT = 1;
/** The cursor has walked its chunk: the host loads the next one, or says that there is none. */
export const NEED_CHUNK = 2;
/** The next sub-buffer of the cursor is not an ordinary one: the host reads it. */
export const ODD_SUB_BUFFER = 3;
/** Events are missing before the current event of the cursor. */
export const LOST = 4;
/** A kind of event that was not seen before: the host gives it a number, and the lane looks again. */
export const NEW_KIND = 5;
/** So many events were told that the host may want to say so. */
export const PAUSE = 6;
/** Something has no number yet, or none that the lane remembers: the host gives it one, and the lane looks again. */
export const NEW_THREAD = 7;
export const NEW_DOMAIN = 8;
export const NEW_DEVICE = 9;
export const NEW_STACK = 10;
export const NEW_GIB = 11;

// Slots: what the host is told.
export const OUT_CURSOR = 0;
export const OUT_PAYLOAD = 1;
export const OUT_SIZE = 2;
export const OUT_TIME = 3;
export const OUT_CONTEXT = 4;
export const OUT_PID = 5;
export const OUT_FLAGS = 6;
export const OUT_POSITION = 7;
export const OUT_KIND = 8;
/** Of the stack behind the event: where its frames begin, and their bytes; 0 for none. */
export const OUT_STACK = 9;
export const OUT_STACK_BYTES = 10;
/** Chunks of the event and of its stack. */
export const OUT_CHUNK = 11;
export const OUT_STACK_CHUNK = 12;
/** What has no number: upper and lower half of a pointer, or a domain and a GiB, or a place and a length. */
export const OUT_HIGH = 13;
export const OUT_LOW = 14;
export const OUT_CPU = 18;
/** Time of the last event told, of any CPU. */
export const LAST_TIME = 15;
/** Events told, and how many the lane has told by itself. */
export const EVENTS = 16;
export const QUICK = 17;

// Slots: the walk.
export const CURSORS = 20;
export const HEAP = 21;
export const HEAP_SIZE = 22;
export const KINDS = 23;
export const RECIPES = 24;
export const COUNTS = 25;
export const TYPE_AT = 26;
export const TYPE_SHIFT = 27;
export const FLAGS_AT = 28;
export const FLAGS_SHIFT = 29;
export const PID_AT = 30;
export const STACK_ID = 31;
export const STACK_SIZE_AT = 32;
export const STACK_FRAMES_AT = 33;
export const COMMIT_AT = 34;
export const TIMESTAMP_AT = 35;
export const DATA_AT = 36;

// Slots: names.
export const DOMAIN_SLOTS = 40;
export const DOMAIN_MASK = 41;
export const DOMAIN_HIGHS = 42;
export const DOMAIN_LOWS = 43;
export const STACK_SLOTS = 44;
export const STACK_MASK = 45;
export const STACK_WORDS = 46;
export const STACK_STARTS = 47;
export const STACK_LENGTHS = 48;
export const DEVICE_NAMES = 49;

// Slots: threads of execution.
export const CALL_CONTEXTS = 50;
export const CALL_ROWS = 51;
export const CALLS = 52;
export const RECENT_CONTEXTS = 53;
export const RECENT_ROWS = 54;
export const RECENTS = 55;
export const LOSSES_CLOSED = 56;
export const NEXT_LOSS_END = 57;
export const LOST_UNTIL = 58;
/** Maps and unmaps whose return was due and did not come, though their tracepoint did. */
export const MISSED_MAPS = 39;
export const MISSED_UNMAPS = 59;

// Slots: what is believed.
export const GIBS = 60;
export const IOVA_SLOTS = 61;
export const IOVA_NON_ZERO = 62;
export const IOVA_FIRST_FREE = 63;
export const IOVA_FREE = 64;

export const REF_NEAR = 66;
export const REF_NEAR_LENGTH = 67;
export const REF_SLOTS = 68;
export const REF_NON_ZERO = 69;
export const REF_PENDING = 70;
export const REF_TOTAL = 71;
export const REF_FIRST_FREE = 72;
export const REF_FREE = 73;

export const MAP_DOMAIN = 76;
export const MAP_IOVA_PAGE = 77;
export const MAP_FRAME = 78;
export const MAP_PAGES = 79;
export const MAP_LEFT = 80;
export const MAP_DEVICE = 81;
export const MAP_GENERATION = 82;
export const MAP_PROT = 83;
export const MAP_MOMENTS = 84;
export const MAP_WATCHED = 85;
export const MAP_FREE = 86;
export const MAP_END = 88;
export const MAP_CAPACITY = 89;
export const MAP_MADE = 90;
export const MAP_LIVE = 91;
export const MAP_LIVE_BYTES = 92;
/** Of the live ones, how many somebody watches. */
export const MAP_WATCHED_LIVE = 93;
/** Every frame of every mapping is counted: `Endings.countsAll`. */
export const COUNTS_ALL = 94;

/** The lines of `PageLines`, the mask of a line among its float64, how many have a key, and how many may have one. */
export const PAGE_LINES = 95;
export const PAGE_LINES_MASK = 96;
export const PAGE_LINES_USED = 97;
export const PAGE_LINES_LIMIT = 98;
/** Orders that any block had: `PageHistory.orders`. */
export const PAGE_ORDERS = 99;
export const PAGES_ALLOCATED = 103;
export const PAGES_FREED = 104;

export const KIND_MADE = 106;
export const KIND_ENDED = 107;
export const KIND_LONGEST = 108;
export const KIND_OVERTAKEN = 109;
export const KIND_LOW = 110;
export const KIND_CAPACITY = 111;
export const KIND_MAPS = 112;
export const KIND_PERIOD = 113;

/** `FormerMappings`: its rows, and the moments of unmaps. */
export const FORMER = 116;
export const FORMER_ENDS = 117;
export const FORMER_ENDED = 118;
export const FORMER_CAPACITY = 124;
export const FORMER_NOTED = 125;
export const FORMER_REMEMBERED = 126;

/** By device: a word of {@link DEVICE_ORDINARY} and {@link DEVICE_TRANSLATED}, and the generation of its binding. */
export const DEVICES = 128;
export const DEVICE_COUNT = 129;
/** By domain: its sole device. */
export const SOLE_DEVICES = 130;
export const DOMAIN_COUNT = 131;
export const NAMES_DOMAINS = 132;

export const DMA_DEVICE = 134;
export const DMA_ADDRESS = 135;
export const DMA_SIZE = 136;
export const DMA_DIRECTION = 137;
export const DMA_ATTRS = 138;
export const DMA_PHYS = 139;
export const DMA_NENTS = 140;
export const DMA_GENERATION = 141;
export const DMA_KIND = 142;
export const DMA_FORMER = 143;
export const DMA_NEXT = 144;
export const DMA_LIST = 145;
export const DMA_NEXT_SEGMENT = 146;
export const DMA_NEXT_LIST = 147;
export const DMA_MADE = 148;
export const DMA_UNDONE = 149;
export const DMA_FREE = 150;
export const DMA_END = 152;
export const DMA_CAPACITY = 153;
export const DMA_BUCKETS = 154;
export const DMA_BUCKET_MASK = 155;
export const DMA_RING = 156;
export const DMA_FORMER_COUNT = 157;
/** By device: pages of its largest entry. */
export const DMA_LARGEST = 158;
export const DMA_LARGEST_COUNT = 159;

/** Which kinds of events the host has to see all of, as bits `LOUD_...`. */
export const LOUD = 160;

/** GiBs of IOVA space whose slot has changed, or whose node is empty: how many, and a domain, a GiB and the slot of each. */
export const CHANGED_GIBS = 161;
export const CHANGED_GIB_COUNT = 162;
export const MOST_CHANGED_GIBS = 128;
export const CHANGED_GIB_WORDS = 3;

// Slots: a batch of records, see `trace/events/record-batch.ts`. Places in it are offsets in its chunk.
export const BATCH_CHUNK = 168;
export const BATCH_COUNT = 169;
export const BATCH_NEXT = 170;
export const BATCH_TIMES = 171;
export const BATCH_PAYLOADS = 172;
export const BATCH_SIZES = 173;
export const BATCH_CPUS = 174;
export const BATCH_POSITIONS = 175;
export const BATCH_STACKS = 176;
export const BATCH_STACK_SIZES = 177;

/** Slots of the board. */
export const SLOTS = 184;

// Bits of LOUD.
export const LOUD_ALLOC = 1;
export const LOUD_FREE = 2;
export const LOUD_MAP = 4;
export const LOUD_UNMAP = 8;
export const LOUD_DMA_MAP = 16;
export const LOUD_DMA_UNMAP = 32;

// Bits of a device's word.
/** Its driver is bound, or none was seen to leave. */
export const DEVICE_ORDINARY = 1;
export const DEVICE_TRANSLATED = 2;
/** A driver was seen to bind. */
export const DEVICE_SEEN = 4;

/** Fan of the tables, as a shift: `FAN_SHIFT` of `shadow/radix.ts`. */
export const FAN_BITS = 9;

// A cursor: bytes from its start.
export const CURSOR_BYTES = 216;
export const C_TIME = 0;
export const C_EVENTS = 8;
export const C_BYTES = 16;
export const C_LAST = 24;
export const C_LOST = 32;
export const C_PENDING = 40;
export const C_CHUNK_POSITION = 48;
/** Two sets of records: the current one and the one behind it. */
export const C_SETS = 64;
export const C_CPU = 144;
export const C_INDEX = 148;
export const C_SET = 152;
export const C_NEXT = 156;
export const C_CHUNK = 160;
export const C_CHUNK_LENGTH = 164;
export const C_OFFSET = 168;
export const C_SUB_BUFFER = 172;
export const C_TOLD_LOST = 176;

// A set of records of one sub-buffer.
export const SET_BYTES = 40;
export const S_POSITION = 0;
export const S_TIMES = 8;
export const S_PAYLOADS = 12;
export const S_SIZES = 16;
export const S_COUNT = 20;
export const S_CHUNK = 24;

// C_NEXT: the set behind the current one.
export const NEXT_UNREAD = 0;
export const NEXT_READY = 1;
export const NEXT_NONE = 2;

// A recipe: how to tell a kind of event, in 16 words.
export const RECIPE_WORDS = 16;
export const R_WHAT = 0;
/** Bytes that a record must have. */
export const R_BYTES = 1;
/** Offsets of fields, -1 for one that is not there. */
export const R_FIELDS = 2;
/** Of a probe: where the address of its function is, and the address. */
export const R_PLACE_AT = 12;
export const R_PLACE_HIGH = 13;
export const R_PLACE_LOW = 14;
/** Fields of 32 bits that the record holds in 64, a bit for each. */
export const R_WIDE = 15;

// R_WHAT: what to do with a record.
export const COUNT_ONLY = 0;
export const TO_HOST = 1;
export const MAP_ENTRY = 2;
export const MAP_TRACEPOINT = 3;
export const MAP_RETURN = 4;
export const UNMAP_ENTRY = 5;
export const UNMAP_TRACEPOINT = 6;
export const PAGE_ALLOC = 7;
export const PAGE_FREE_EVENT = 8;
export const DMA_MAP = 9;
export const DMA_UNMAP = 10;
export const UNMAP_RETURN = 11;
export const DMA_MAP_BEGIN = 12;

// What a thread of execution is in the middle of, in f64: `OpenCalls` of the bindings.
export const CALL_BYTES = 320;
export const O_LOSSES_CLOSED = 0;
export const O_MAP_OPEN = 1;
export const O_MAP_REPORTED = 2;
export const O_MAP_RETURNED = 3;
export const O_MAP_DOMAIN = 4;
export const O_MAP_IOVA = 5;
export const O_MAP_PHYS = 6;
export const O_MAP_SIZE = 7;
export const O_MAP_PROT = 8;
export const O_MAP_STACK = 9;
export const O_MAP_CPU = 10;
export const O_MAP_ENTRY_NS = 11;
export const O_UNMAP_OPEN = 12;
export const O_UNMAP_ENDED = 13;
export const O_UNMAP_RETURN_DUE = 14;
export const O_UNMAP_DOMAIN = 15;
export const O_UNMAP_IOVA = 16;
export const O_UNMAP_SIZE = 17;
export const O_UNMAP_STACK = 18;
/** A moment: time, CPU, pid, context, stack, position. */
export const O_UNMAP_ENTRY = 19;
export const O_GATHERED_START = 25;
export const O_GATHERED_END = 26;
export const O_HELD = 27;
export const O_HELD_AT = 28;
export const O_HELD_IOVA = 34;
export const O_HELD_PHYS = 35;
export const O_HELD_SIZE = 36;
export const O_HELD_UNMAPPED = 37;

// Its last calls, in f64: `RecentCalls` of the shadow.
export const RECENT_BYTES = 128;
export const T_LAST_NS = 0;
export const T_MAP_DEVICE = 1;
export const T_MAP_DOMAIN = 2;
export const T_MAP_IOVA = 3;
export const T_MAP_END = 4;
export const T_UNMAP_DOMAIN = 5;
export const T_UNMAP_IOVA = 6;
export const T_UNMAP_END = 7;
/** The large unmap that it has entered: IOVA, time, position, CPU, pid, stack. */
export const T_BEGUN_IOVA = 8;
export const T_BEGUN = 9;

/** Threads that the lane finds by itself: `RECENT` of `kernel/per-context.ts`. */
export const THREAD_MASK = 63;

/** GiBs of IOVA space that the lane remembers: a domain, a GiB, its slot and a spare word each. */
export const GIB_ENTRIES = 4096;

/** Names of devices that the lane remembers, each 64 bytes: id, length, and up to 56 bytes. */
export const DEVICE_NAME_ENTRIES = 256;
export const DEVICE_NAME_BYTES = 64;
export const DEVICE_NAME_LONGEST = 56;
