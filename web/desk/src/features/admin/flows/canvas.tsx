/** The canvas: widgets and the lines between them, to look at, to move and to connect. */
import {
  Background, EdgeLabelRenderer, Handle, Position, ReactFlow, ReactFlowProvider, useInternalNode, useReactFlow, useStore,
  type Connection, type Edge, type EdgeProps, type Node, type NodeChange, type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { memo, useCallback, useEffect, useMemo, useRef, useState, type DragEvent, type KeyboardEvent, type ReactNode } from 'react';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { specOf, waysOf } from './catalog';
import { indexOf, type Definition, type Point } from './definition';
import { Glyph } from './glyphs';
import { boundsOf, foreign, graphOf, pathOf, type Box, type BoxData, type GraphInput, type LineData } from './graph';
import { nodeHeight, nodeWidth } from './layout';

type BoxNode = Node<BoxData, 'box'>;
type LineEdge = Edge<LineData, 'line'>;

/** What is dragged from the palette onto the canvas. */
export const dragType = 'application/x-usher-widget';

/** From here on only what is in sight is drawn. */
const many = 250;

/** Room for what floats over the canvas. */
const around = { top: '32px', left: '40px', right: '40px', bottom: '112px' } as const;

const nothing: ReadonlySet<string> = new Set();
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

const BoxView = memo(function BoxView({ data, isConnectable }: NodeProps<BoxNode>) {
  const { t } = useFlowText();
  const { state, ways } = data;
  const handles = ways.length;
  const classes = ['nd', data.lit && 'lit', data.waits && 'now', data.severity && `is-${data.severity}`, foreign(state) && 'foreign'].filter(Boolean).join(' ');
  return (
    <div className={classes}>
      <Handle type="target" position={Position.Top} className="hd-in" isConnectable={isConnectable && !data.first} />
      <span className="ni"><Glyph name={specOf(state.type).icon} /></span>
      <span className="grow"><b>{state.name || '—'}<span className="vh"> {said(data, t)}</span></b><small>{data.severity === 'mistake' ? t('ed.mistake') : data.note ?? data.remark}</small></span>
      {data.severity ? <Glyph name="warning" size="s" className="mark" /> : data.waits ? <span className="dot acc-dot" /> : data.lit && <Icon name="check" size="xs" className="acc" />}
      {ways.map((way, at) => (
        <Handle
          key={way.handle} id={way.handle} type="source" position={Position.Bottom} title={way.word} aria-hidden="true" isConnectable={isConnectable}
          className={`hd-out${way.led ? ' led' : ''}${way.lit ? ' lit' : ''}`} style={{ left: `${((at + 1) / (handles + 1)) * 100}%` }}
        />
      ))}
      {data.ends && <span className="end-p">{t('ed.endNode')}</span>}
    </div>
  );
});

const LineView = memo(function LineView({ source, target, data }: EdgeProps<LineEdge>) {
  const from = useInternalNode(source)?.internals.positionAbsolute;
  const to = useInternalNode(target)?.internals.positionAbsolute;
  if (!from || !to) return null;
  const [targetX, targetY] = [to.x + nodeWidth / 2, to.y];
  const { path, label, outward } = pathOf({ x: from.x + nodeWidth / 2, y: from.y + nodeHeight }, { x: targetX, y: targetY - 1 }, data?.side);
  const lit = data?.lit ? ' lit' : '';
  return (
    <>
      <path d={path} className={`ln${lit}`} pathLength={1} />
      <path d={`m${targetX - 4} ${targetY - 6} 4 5 4-5`} className={`ln arrow${lit}`} />
      {data?.word && <EdgeLabelRenderer><span className={`el${lit}`} style={{ transform: `translate(${outward === 'left' ? -88 : outward === 'right' ? -12 : -50}%, -50%) translate(${label.x}px, ${label.y}px)` }}>{data.word}</span></EdgeLabelRenderer>}
    </>
  );
});

/** Where the handles are, so that no box has to be drawn only to be measured. */
function handlesOf({ data }: Box): NonNullable<BoxNode['handles']> {
  const step = nodeWidth / (data.ways.length + 1);
  return [
    { type: 'target', position: Position.Top, x: 0, y: 0, width: nodeWidth, height: nodeHeight },
    ...data.ways.map((way, at) => ({ id: way.handle, type: 'source' as const, position: Position.Bottom, x: (at + 1) * step - 4, y: nodeHeight - 4, width: 8, height: 8 })),
  ];
}

const nodeTypes = { box: BoxView };
const edgeTypes = { line: LineView };

function Zoom() {
  const { t } = useFlowText();
  const flow = useReactFlow();
  const zoom = useStore((store) => store.transform[2]);
  const duration = calm() ? 0 : 180;
  return (
    <div className="zoom" role="group" aria-label={t('zoom.title')}>
      <button type="button" className="ib sm" aria-label={t('zoom.out')} onClick={() => void flow.zoomOut({ duration })}><Glyph name="minus" size="s" /></button>
      <span className="t12 c2 num" aria-live="polite">{Math.round(zoom * 100)} %</span>
      <button type="button" className="ib sm" aria-label={t('zoom.in')} onClick={() => void flow.zoomIn({ duration })}><Icon name="plus" size="s" /></button>
      <button type="button" className="ib sm" aria-label={t('zoom.fit')} onClick={() => void flow.fitView({ duration, padding: around, maxZoom: 1 })}><Glyph name="fit" size="s" /></button>
    </div>
  );
}

export interface CanvasProps {
  definition: Definition;
  selected?: string;
  /** None: the canvas is only looked at. */
  edit?: {
    move: (places: ReadonlyMap<string, Point>) => void;
    connect: (source: string, way: number, target: string) => void;
    remove: (id: string) => void;
    drop: (type: string, place: Point) => void;
  };
  onSelect: (id: string | undefined) => void;
  marks?: GraphInput['marks'];
  /** Names of widgets, and `widget.event` of ways out, that a test conversation has passed. */
  lit?: ReadonlySet<string>;
  /** The widget that the test conversation waits in. */
  at?: string;
  /** Brings a widget into sight; a new object does it again. */
  reveal?: { id: string };
  /** Hears the middle of what is in sight, where new widgets go. */
  middle?: { current: () => Point };
  children?: ReactNode;
}

/** The first look: everything when it can be read, else the beginning. */
function firstView(boxes: readonly Box[], width: number, height: number) {
  if (boxes.length === 0) return { x: width / 2, y: height / 3, zoom: 1 };
  const bounds = boundsOf(boxes);
  const room = { width: Math.max(1, width - 96), height: Math.max(1, height - 176) };
  const zoom = Math.min(1, room.width / bounds.width, room.height / bounds.height);
  if (zoom >= 0.6) return { zoom, x: (width - bounds.width * zoom) / 2 - bounds.x * zoom, y: Math.max(width < 640 ? 76 : 32, (height - 96 - bounds.height * zoom) / 2) - bounds.y * zoom };
  const first = boxes.find((box) => box.data.first) ?? boxes[0]!;
  const near = Math.min(1, Math.max(0.85, zoom));
  return { zoom: near, x: width / 2 - (first.place.x + nodeWidth / 2) * near, y: (width < 640 ? 76 : 40) - first.place.y * near };
}

/** Places while widgets are dragged, and the definition's own once they are let go. */
function usePlaces(boxes: readonly Box[], edit: CanvasProps['edit'], onSelect: CanvasProps['onSelect']) {
  const [moved, setMoved] = useState<ReadonlyMap<string, Point>>(new Map());
  const onNodesChange = useCallback((changes: NodeChange<BoxNode>[]) => {
    const dragged = new Map<string, Point>();
    const put = new Map<string, Point>();
    for (const change of changes) {
      if (change.type === 'select' && change.selected) onSelect(change.id);
      if (change.type !== 'position' || !change.position) continue;
      (change.dragging ? dragged : put).set(change.id, change.position);
    }
    if (dragged.size > 0) setMoved((old) => new Map([...old, ...dragged]));
    if (put.size > 0) {
      setMoved(new Map());
      const changed = new Map([...put].filter(([id, place]) => {
        const box = boxes.find((each) => each.id === id);
        return box && (Math.round(place.x) !== box.place.x || Math.round(place.y) !== box.place.y);
      }));
      if (changed.size > 0) edit?.move(changed);
    }
  }, [boxes, edit, onSelect]);
  return { moved, onNodesChange };
}

function Inner({ definition, selected, edit, onSelect, marks, lit = nothing, at, reveal, middle, children }: CanvasProps) {
  const text = useFlowText();
  const { t } = text;
  const flow = useReactFlow<BoxNode, LineEdge>();
  const root = useRef<HTMLDivElement>(null);
  const { boxes, lines } = useMemo(() => graphOf({ definition, text, marks, lit, at }), [at, definition, lit, marks, text]);
  const { moved, onNodesChange } = usePlaces(boxes, edit, onSelect);
  const nodes = useMemo(() => boxes.map((box): BoxNode => ({
    id: box.id, type: 'box', position: moved.get(box.id) ?? box.place, data: box.data, width: nodeWidth, height: nodeHeight, measured: { width: nodeWidth, height: nodeHeight }, handles: handlesOf(box),
    selected: box.id === selected, ariaRole: 'button', domAttributes: { 'aria-pressed': box.id === selected, 'aria-roledescription': undefined },
  })), [boxes, moved, selected]);
  const edges = useMemo(() => lines.map((line): LineEdge => ({
    id: line.id, type: 'line', source: line.source, target: line.target, sourceHandle: line.handle, data: line.data, focusable: false, selectable: false, zIndex: line.data.lit ? 1 : 0,
  })), [lines]);
  const inSight = ({ x, y }: Point) => {
    const rect = root.current?.getBoundingClientRect();
    const [start, end] = [flow.flowToScreenPosition({ x, y }), flow.flowToScreenPosition({ x: x + nodeWidth, y: y + nodeHeight })];
    return rect && start.x > rect.left + 8 && start.y > rect.top + 8 && end.x < rect.right - 8 && end.y < rect.bottom - 96;
  };
  useEffect(() => {
    const box = reveal && boxes.find((each) => each.id === reveal.id);
    if (box && !inSight(box.place)) void flow.setCenter(box.place.x + nodeWidth / 2, box.place.y + nodeHeight / 2, { zoom: Math.max(0.75, flow.getZoom()), duration: calm() ? 0 : 260 });
    // Only when something is to be revealed, not when widgets move.
  }, [flow, reveal]);
  if (middle) {
    middle.current = () => {
      const rect = root.current?.getBoundingClientRect();
      return rect ? flow.screenToFlowPosition({ x: rect.left + rect.width / 2 - nodeWidth / 2, y: rect.top + rect.height / 2 - nodeHeight }) : { x: 0, y: 0 };
    };
  }
  const onConnect = ({ source, sourceHandle, target }: Connection) => edit?.connect(source, Number(sourceHandle), target);
  const onKeyDown = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>('.react-flow__node')?.dataset.id;
    if (!id || !edit || (event.key !== 'Delete' && event.key !== 'Backspace')) return;
    event.preventDefault();
    edit.remove(id);
  };
  const onDrop = (event: DragEvent) => {
    const type = event.dataTransfer.getData(dragType);
    if (!type || !edit) return;
    event.preventDefault();
    const place = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    edit.drop(type, { x: place.x - nodeWidth / 2, y: place.y - nodeHeight / 2 });
  };
  return (
    <div className={`canvas${edit ? '' : ' still'}`} ref={root} onKeyDown={onKeyDown} onDragOver={(event) => event.dataTransfer.types.includes(dragType) && event.preventDefault()} onDrop={onDrop}>
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} onNodesChange={onNodesChange} onConnect={onConnect}
        isValidConnection={({ target }) => definition.states[indexOf(definition, target)]?.type !== 'trigger'}
        onPaneClick={() => onSelect(undefined)} onEdgeClick={(_, edge) => onSelect(edge.source)}
        onInit={(instance) => root.current && void instance.setViewport(firstView(boxes, root.current.clientWidth, root.current.clientHeight))}
        minZoom={0.1} maxZoom={1.75} nodesDraggable={Boolean(edit)} nodesConnectable={Boolean(edit)} deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null}
        elevateNodesOnSelect={false} onlyRenderVisibleElements={boxes.length > many} connectionRadius={28} nodeDragThreshold={3} proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{ 'node.a11yDescription.default': t('canvas.help'), 'node.a11yDescription.keyboardDisabled': t('canvas.help') }}
        aria-label={t('ed.canvas')}
      >
        <Background gap={20} size={1.5} />
      </ReactFlow>
      {children}
      <Zoom />
    </div>
  );
}

/** What a reader hears after a widget's name. */
function said({ state, severity, waits, lit }: BoxData, t: ReturnType<typeof useFlowText>['t']): string {
  const spec = specOf(state.type);
  return [spec.long ? t(spec.long) : state.type, severity && t(`ed.${severity}`), waits ? t('ed.waiting') : lit && t('ed.passed')].filter(Boolean).join(', ');
}

/** The canvas with its own view; see CanvasProps. */
export function FlowCanvas(props: CanvasProps) {
  return <ReactFlowProvider><Inner {...props} /></ReactFlowProvider>;
}

/** The way out that a handle of the canvas stands for. */
export const wayOf = (definition: Definition, id: string, handle: number) => {
  const at = indexOf(definition, id);
  const state = definition.states[at];
  const way = state && waysOf(state)[handle];
  return state && way ? { at, transition: way.at, event: way.transition.event } : undefined;
};
