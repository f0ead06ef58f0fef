// The forms of single members, sections 1 to 3: each function refuses as malformed what has another form.

import { must } from './problem.mjs';
import { unbase64, unhash } from './bytes.mjs';

export const isObject = (value) => value instanceof Map;
export const isInteger = (value) => Number.isInteger(value) && value >= 0 && value <= 999999999999999;

export function integer(value, what, least = 0) {
  must(isInteger(value) && value >= least, `${what} is no integer from ${least}`);
}

export function matches(value, form, what) {
  must(typeof value === 'string' && form.test(value), `${what} has not the form ${form}`);
}

export const account = (value, what) => matches(value, /^[a-z0-9-]{1,40}$/, what);
export const word = (value, what) => matches(value, /^[a-z_]{1,32}$/, what);
export const segment = (value, what) => matches(value, /^[A-Za-z0-9_.-]{1,64}$/, what);
export const uuid = (value, what) => matches(value, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, what);
export const hash = (value, what) => unhash(value, what);
export const key = (value, what) => unbase64(value, 32, what);
export const signature = (value, what) => unbase64(value, 64, what);
export const truth = (value, what) => must(value === true, `${what} is not true`);
export const string = (value, what) => must(typeof value === 'string', `${what} is no string`);

export function path(value, what) {
  matches(value, /^(\/|(\/[A-Za-z0-9_.-]{1,64}){1,8}\/?)$/, what);
  must(value.length <= 256, `${what} is longer than 256 bytes`);
}

// point is [replica, sequence].
export function point(value, what) {
  must(Array.isArray(value) && value.length === 2, `${what} is no pair`);
  hash(value[0], what);
  integer(value[1], what, 1);
}

// entry is [sequence, chain].
export function entry(value, what) {
  must(Array.isArray(value) && value.length === 2, `${what} is no pair`);
  integer(value[0], what, 1);
  hash(value[1], what);
}

// ascending is an array of that form, in strictly ascending order.
export function ascending(value, form, order, what) {
  must(Array.isArray(value), `${what} is no array`);
  value.forEach((item) => form(item, what));
  for (let i = 1; i < value.length; i++) must(order(value[i - 1], value[i]) < 0, `${what} does not ascend`);
}

export const hashOrder = (a, b) => Buffer.compare(unhash(a), unhash(b));

// members checks that an object has the required members, perhaps optional ones, and no others; each form checks its member.
export function members(object, what, required, optional = {}) {
  must(isObject(object), `${what} is no object`);
  for (const [name, value] of object) {
    const form = required[name] ?? optional[name];
    must(form !== undefined && (Object.hasOwn(required, name) || Object.hasOwn(optional, name)), `${what} has an unknown member ${name}`);
    form(value, `${what}.${name}`);
  }
  for (const name of Object.keys(required)) must(object.has(name), `${what} has no ${name}`);
}
