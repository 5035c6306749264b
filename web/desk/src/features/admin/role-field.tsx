import type { Role } from '../../api/types';
import { useText } from '../../i18n';

const roles: Role[] = ['agent', 'supervisor', 'admin'];

/** What a person may do, each role explained. */
export function RoleField({ value, onChange, disabled }: { value: Role; onChange: (role: Role) => void; disabled?: boolean }) {
  const { t } = useText();
  return (
    <fieldset className="field" disabled={disabled}>
      <legend className="lab">{t('workers.form.role')}</legend>
      <div className="opts">
        {roles.map((role) => (
          <label key={role} className={role === value ? 'opt on' : 'opt'}>
            <input type="radio" className="rd" name="role" checked={role === value} onChange={() => onChange(role)} />
            <span className="grow"><span className="m">{t(`workers.role.${role}`)}</span><span className="help">{t(`workers.role.${role}Help`)}</span></span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
