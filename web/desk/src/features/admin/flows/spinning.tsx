/** Three dots that say that something is on its way. */
export const Spinning = () => <span className="dots3" aria-hidden="true"><i /><i /><i /></span>;
