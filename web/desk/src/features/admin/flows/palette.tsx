import { useFlowText } from '../../../i18n/flows';
import { dragType } from './canvas';
import { palette } from './catalog';
import { Glyph } from './glyphs';

/** The widgets that can be added: a click puts one into the middle, dragging puts it where it is let go. */
export function Palette({ onAdd }: { onAdd: (type: string) => void }) {
  const { t } = useFlowText();
  return (
    <div className="pal" role="group" aria-label={t('add.title')}>
      {palette.map((spec) => (
        <button
          key={spec.type} type="button" title={t(spec.long!)} draggable onClick={() => onAdd(spec.type)}
          onDragStart={(event) => {
            event.dataTransfer.setData(dragType, spec.type);
            event.dataTransfer.effectAllowed = 'copy';
          }}
        >
          <Glyph name={spec.icon} /><span><span className="vh">{t('add.verb')} </span>{t(spec.short!)}</span>
        </button>
      ))}
    </div>
  );
}
