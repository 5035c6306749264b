interface Props {
  on: boolean;
  onChange: (on: boolean) => void;
  label?: string;
  labelledBy?: string;
  describedBy?: string;
  disabled?: boolean;
}

/** A switch: on or off at once. */
export function Switch({ on, onChange, label, labelledBy, describedBy, disabled }: Props) {
  return (
    <button
      type="button" role="switch" className="switch" aria-checked={on} aria-label={label} aria-labelledby={labelledBy} aria-describedby={describedBy}
      disabled={disabled} onClick={(event) => { event.stopPropagation(); onChange(!on); }}
    />
  );
}
