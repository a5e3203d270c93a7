/** Label above, help below, the error in place of the help; what was typed stays. */
import clsx from "clsx";
import { CircleX } from "lucide-react";
import { type ComponentProps, useId } from "react";

const BOX = "w-full rounded-control border border-border-strong bg-surface px-2.5 text-sm text-text aria-invalid:border-failed disabled:opacity-45";

interface About {
  label: string;
  /** Keep the label for screen readers only. */
  bare?: boolean;
  help?: React.ReactNode;
  error?: string | null | undefined;
  className?: string | undefined;
}

function Around({ id, label, bare, help, error, className, children }: About & { id: string; children: React.ReactNode }) {
  return (
    <div className={clsx("min-w-0", className)}>
      <label htmlFor={id} className={bare ? "sr-only" : "mb-1 block text-sm font-[550] text-text"}>{label}</label>
      {children}
      {error
        ? <p id={`${id}-about`} role="alert" className="mt-1 flex items-center gap-1 text-xs text-failed"><CircleX aria-hidden size={14} /> {error}</p>
        : help && <p id={`${id}-about`} className="mt-1 text-xs text-text-3">{help}</p>}
    </div>
  );
}

function told(id: string, about: About) {
  return {
    id,
    "aria-invalid": about.error ? true : undefined,
    "aria-describedby": about.error || about.help ? `${id}-about` : undefined,
  } as const;
}

export function TextField({ label, bare, help, error, className, mono, ...rest }: About & ComponentProps<"input"> & { mono?: boolean }) {
  const id = useId();
  const about = { label, bare, help, error, className } as About;
  return <Around id={id} {...about}><input {...rest} {...told(id, about)} className={clsx(BOX, "h-8 max-md:h-11", mono && "font-mono")} /></Around>;
}

export function TextArea({ label, bare, help, error, className, ...rest }: About & ComponentProps<"textarea">) {
  const id = useId();
  const about = { label, bare, help, error, className } as About;
  return <Around id={id} {...about}><textarea rows={4} {...rest} {...told(id, about)} className={clsx(BOX, "py-1.5")} /></Around>;
}

export function SelectField({ label, bare, help, error, className, options, ...rest }: About & ComponentProps<"select"> & { options: { value: string; label: string }[] }) {
  const id = useId();
  const about = { label, bare, help, error, className } as About;
  return (
    <Around id={id} {...about}>
      <select {...rest} {...told(id, about)} className={clsx(BOX, "h-8 max-md:h-11")}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
    </Around>
  );
}

export function CheckField({ label, help, className, ...rest }: { label: React.ReactNode; help?: React.ReactNode } & ComponentProps<"input">) {
  const id = useId();
  return (
    <div className={clsx("flex items-start gap-2", className)}>
      <input type="checkbox" id={id} {...rest} aria-describedby={help ? `${id}-about` : undefined} className="mt-0.5 size-4 accent-accent" />
      <div>
        <label htmlFor={id} className="text-sm text-text">{label}</label>
        {help && <p id={`${id}-about`} className="text-xs text-text-3">{help}</p>}
      </div>
    </div>
  );
}
