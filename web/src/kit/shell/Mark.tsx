/** The mark: two humps in one line. */
export function Mark() {
  return (
    <svg aria-hidden width="26" height="26" viewBox="0 0 26 26" className="shrink-0">
      <rect width="26" height="26" rx="7" className="fill-primary" />
      <path d="M5.5 17.5c2.2 0 2.6-8.5 5-8.5 2 0 1.6 5.6 3.2 5.6 1.7 0 1.4-5.6 3.3-5.6 2 0 2.2 4.6 3.5 8.5" fill="none" strokeWidth="1.9" strokeLinecap="round" strokeLinejoin="round" className="stroke-on-primary" />
    </svg>
  );
}
