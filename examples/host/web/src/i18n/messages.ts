// The words of messages: where they stand, what was found in them, what happened to them.
import type { Schemas } from "../api/client";
import type { Text } from "./catalogue";

type Words<Key extends string> = Record<Key, Text>;

/** What a history tells; the engine's own words for events. */
export type Past =
  | "created"
  | "submitted"
  | "edited"
  | "rescheduled"
  | "invalidated"
  | "approved"
  | "rejected"
  | "claimed"
  | "begun"
  | "postponed"
  | "released"
  | "sent"
  | "failed"
  | "deferred"
  | "uncertain"
  | "repeated"
  | "suspected"
  | "confirmed_sent"
  | "confirmed_failed"
  | "resolved_sent"
  | "resolved_resend"
  | "resolved_failed"
  | "delivered"
  | "bounced"
  | "retried"
  | "cancelled"
  | "expired"
  | "deleted"
  | "reopened";

export interface MessagesWords {
  list: Words<
    | "title"
    | "nav"
    | "who"
    | "status"
    | "text"
    | "channel"
    | "changed"
    | "all"
    | "empty"
    | "emptyHint"
    | "emptyFiltered"
    | "back"
    | "by"
  >;
  status: Words<Schemas["Status"]>;
  severity: Words<Schemas["Severity"]>;
  rule: Words<Schemas["Guardrail"]>;
  past: Words<Past>;
  page: Words<
    | "about"
    | "campaign"
    | "occasion"
    | "channel"
    | "address"
    | "writtenBy"
    | "model"
    | "person"
    | "cost"
    | "created"
    | "approved"
    | "leaves"
    | "until"
    | "sent"
    | "why"
    | "text"
    | "history"
    | "reason"
    | "version"
    | "chain"
    | "chainWaits"
    | "worker"
    | "attempts"
    | "attempt"
    | "noAttempts"
    | "outcome"
    | "providerId"
    | "receipts"
    | "decide"
  >;
  outcome: Words<"accepted" | "dead" | "rejected" | "retry_after" | "stop" | "unknown" | "open">;
  fate: Words<"accepted" | "failed" | "delivered" | "read">;
  resolve: Words<
    | "title"
    | "body"
    | "sent"
    | "sentHint"
    | "resend"
    | "resendHint"
    | "failed"
    | "failedHint"
    | "reason"
    | "askSent"
    | "askResend"
    | "askFailed"
    | "warnSent"
    | "warnResend"
    | "warnFailed"
    | "done"
  >;
}

export const en: MessagesWords = {
  list: {
    title: "Messages",
    nav: "Messages",
    who: "To whom",
    status: "Status",
    text: "Text",
    channel: "Channel",
    changed: "Changed",
    all: "All",
    empty: "No messages yet",
    emptyHint: "Campaigns draft them, and each waits for approval.",
    emptyFiltered: "No message has this status",
    back: "All messages",
    by: "By {who}",
  },
  status: {
    draft: "Draft",
    pending_approval: "Waits for approval",
    approved: "Approved",
    claimed: "About to leave",
    sending: "Being sent",
    sent: "Sent",
    delivered: "Delivered",
    failed: "Failed",
    uncertain: "Uncertain",
    rejected: "Rejected",
    cancelled: "Called off",
    expired: "Too late",
  },
  severity: { notice: "Notice", warning: "Warning", blocking: "Blocks" },
  rule: {
    length: "Length",
    parts: "SMS parts",
    placeholder: "Something to be filled in",
    language: "Language",
    number: "Number nobody gave",
    name: "Name nobody gave",
    link: "Link",
    banned_term: "Banned term",
    personal_data: "Somebody else’s data",
    instructions: "A model’s talk",
    greeting: "Form of address",
    duplicate: "Same as others",
    injection: "Reads like an order",
  },
  past: {
    created: "Written",
    submitted: "Submitted",
    edited: "Edited",
    rescheduled: "Rescheduled",
    invalidated: "Approval void",
    approved: "Approved",
    rejected: "Rejected",
    claimed: "Taken by a worker",
    begun: "Attempt begun",
    postponed: "Postponed",
    released: "Given back",
    sent: "Sent",
    failed: "Failed",
    deferred: "Put off by the provider",
    uncertain: "In doubt",
    repeated: "Sent again under the same key",
    suspected: "In doubt after a restore",
    confirmed_sent: "Confirmed as sent",
    confirmed_failed: "Confirmed as not sent",
    resolved_sent: "Settled: it was sent",
    resolved_resend: "Settled: send again",
    resolved_failed: "Settled: given up",
    delivered: "Delivered",
    bounced: "Came back",
    retried: "Tried again",
    cancelled: "Called off",
    expired: "Too late",
    deleted: "Deleted",
    reopened: "Decision taken back",
  },
  page: {
    about: "About",
    campaign: "Campaign",
    occasion: "Occasion",
    channel: "Channel",
    address: "Address",
    writtenBy: "Written by",
    model: "A model",
    person: "A person or a template",
    cost: "Drafting cost",
    created: "Created",
    approved: "Approved",
    leaves: "Not before",
    until: "No later than",
    sent: "Sent",
    why: "Why",
    text: "Text",
    history: "History",
    reason: "Reason: {reason}",
    version: "Version {n}",
    chain: "Sealed: {hash}",
    chainWaits: "Not sealed yet",
    worker: "the worker",
    attempts: "Deliveries",
    attempt: "Attempt {n}",
    noAttempts: "Nothing was handed to a provider so far.",
    outcome: "Outcome",
    providerId: "Provider’s id",
    receipts: "Receipts",
    decide: "Decide in the inbox",
  },
  outcome: {
    accepted: "The provider took it",
    dead: "The address does not work",
    rejected: "Refused",
    retry_after: "Not taken; to be tried again",
    stop: "Not taken; the channel rests",
    unknown: "Nobody knows",
    open: "Awaited",
  },
  fate: { accepted: "Taken", failed: "Did not arrive", delivered: "Arrived", read: "Read" },
  resolve: {
    title: "Nobody knows whether this left",
    body: "The provider’s answer was lost. It is frozen until a receipt comes or somebody decides. Look at the provider first.",
    sent: "It was sent",
    sentHint: "You saw it at the provider, or the person has it.",
    resend: "Send it again",
    resendHint: "The person may get it twice.",
    failed: "Give it up",
    failedHint: "It is not sent again.",
    reason: "How you know",
    askSent: "Say that it was sent?",
    askResend: "Send it again?",
    askFailed: "Give it up?",
    warnSent: "It will never be sent again. This cannot be undone.",
    warnResend: "If the first attempt did arrive, {name} gets the same message twice.",
    warnFailed: "If it did not arrive, {name} never gets it from here.",
    done: "Settled.",
  },
};

export const ru: MessagesWords = {
  list: {
    title: "Сообщения",
    nav: "Сообщения",
    who: "Кому",
    status: "Состояние",
    text: "Текст",
    channel: "Канал",
    changed: "Изменено",
    all: "Все",
    empty: "Сообщений пока нет",
    emptyHint: "Их готовят кампании, и каждое ждёт одобрения.",
    emptyFiltered: "Сообщений в этом состоянии нет",
    back: "Все сообщения",
    by: "{who}",
  },
  status: {
    draft: "Черновик",
    pending_approval: "Ждёт одобрения",
    approved: "Одобрено",
    claimed: "Вот-вот уйдёт",
    sending: "Отправляется",
    sent: "Отправлено",
    delivered: "Доставлено",
    failed: "Не удалось",
    uncertain: "Неизвестно",
    rejected: "Отклонено",
    cancelled: "Отменено",
    expired: "Опоздало",
  },
  severity: { notice: "Заметка", warning: "Предупреждение", blocking: "Блокирует" },
  rule: {
    length: "Длина",
    parts: "Частей SMS",
    placeholder: "Не заполнено",
    language: "Язык",
    number: "Число ниоткуда",
    name: "Имя ниоткуда",
    link: "Ссылка",
    banned_term: "Запрещённое слово",
    personal_data: "Чужие данные",
    instructions: "Речь модели",
    greeting: "Обращение",
    duplicate: "Как у других",
    injection: "Похоже на приказ",
  },
  past: {
    created: "Написано",
    submitted: "Отправлено на одобрение",
    edited: "Изменено",
    rescheduled: "Перенесено",
    invalidated: "Одобрение недействительно",
    approved: "Одобрено",
    rejected: "Отклонено",
    claimed: "Взято в работу",
    begun: "Попытка начата",
    postponed: "Отложено",
    released: "Возвращено",
    sent: "Отправлено",
    failed: "Не удалось",
    deferred: "Отложено провайдером",
    uncertain: "Под вопросом",
    repeated: "Отправлено ещё раз с тем же ключом",
    suspected: "Под вопросом после восстановления",
    confirmed_sent: "Подтверждено: отправлено",
    confirmed_failed: "Подтверждено: не отправлено",
    resolved_sent: "Решено: было отправлено",
    resolved_resend: "Решено: отправить ещё раз",
    resolved_failed: "Решено: больше не отправлять",
    delivered: "Доставлено",
    bounced: "Вернулось",
    retried: "Ещё одна попытка",
    cancelled: "Отменено",
    expired: "Опоздало",
    deleted: "Удалено",
    reopened: "Решение отменено",
  },
  page: {
    about: "О сообщении",
    campaign: "Кампания",
    occasion: "Повод",
    channel: "Канал",
    address: "Адрес",
    writtenBy: "Автор текста",
    model: "Модель",
    person: "Человек или шаблон",
    cost: "Стоимость текста",
    created: "Создано",
    approved: "Одобрено",
    leaves: "Не раньше",
    until: "Не позже",
    sent: "Отправлено",
    why: "Почему",
    text: "Текст",
    history: "История",
    reason: "Причина: {reason}",
    version: "Версия {n}",
    chain: "Запечатано: {hash}",
    chainWaits: "Ещё не запечатано",
    worker: "исполнитель",
    attempts: "Доставка",
    attempt: "Попытка {n}",
    noAttempts: "Провайдеру пока ничего не передавали.",
    outcome: "Исход",
    providerId: "Номер у провайдера",
    receipts: "Отчёты",
    decide: "Решить во входящих",
  },
  outcome: {
    accepted: "Провайдер принял",
    dead: "Адрес не работает",
    rejected: "Отказано",
    retry_after: "Не принято, будет повтор",
    stop: "Не принято, канал отдыхает",
    unknown: "Никто не знает",
    open: "Ожидается",
  },
  fate: { accepted: "Принято", failed: "Не дошло", delivered: "Дошло", read: "Прочитано" },
  resolve: {
    title: "Неизвестно, ушло ли сообщение",
    body: "Ответ провайдера потерян. Сообщение заморожено, пока не придёт отчёт или кто-то не решит. Сначала посмотрите у провайдера.",
    sent: "Было отправлено",
    sentHint: "Вы видели его у провайдера, или оно у получателя.",
    resend: "Отправить ещё раз",
    resendHint: "Получатель может получить его дважды.",
    failed: "Больше не отправлять",
    failedHint: "Повторной отправки не будет.",
    reason: "Откуда вы знаете",
    askSent: "Считать отправленным?",
    askResend: "Отправить ещё раз?",
    askFailed: "Больше не отправлять?",
    warnSent: "Оно никогда не будет отправлено снова. Это нельзя отменить.",
    warnResend: "Если первая попытка удалась, {name} получит то же сообщение дважды.",
    warnFailed: "Если оно не дошло, {name} его отсюда уже не получит.",
    done: "Решено.",
  },
};

export const uzLatn: MessagesWords = {
  list: {
    title: "Xabarlar",
    nav: "Xabarlar",
    who: "Kimga",
    status: "Holat",
    text: "Matn",
    channel: "Kanal",
    changed: "Oʻzgargan",
    all: "Hammasi",
    empty: "Hozircha xabar yoʻq",
    emptyHint: "Ularni kampaniyalar tayyorlaydi, har biri tasdiqni kutadi.",
    emptyFiltered: "Bunday holatdagi xabar yoʻq",
    back: "Barcha xabarlar",
    by: "{who}",
  },
  status: {
    draft: "Qoralama",
    pending_approval: "Tasdiq kutmoqda",
    approved: "Tasdiqlangan",
    claimed: "Hozir ketadi",
    sending: "Yuborilmoqda",
    sent: "Yuborildi",
    delivered: "Yetib bordi",
    failed: "Yuborilmadi",
    uncertain: "Nomaʼlum",
    rejected: "Rad etilgan",
    cancelled: "Bekor qilingan",
    expired: "Kechikkan",
  },
  severity: { notice: "Eslatma", warning: "Ogohlantirish", blocking: "Toʻsadi" },
  rule: {
    length: "Uzunlik",
    parts: "SMS qismlari",
    placeholder: "Toʻldirilmagan joy",
    language: "Til",
    number: "Hech kim bermagan son",
    name: "Hech kim bermagan ism",
    link: "Havola",
    banned_term: "Taqiqlangan soʻz",
    personal_data: "Boshqaning maʼlumoti",
    instructions: "Modelning gapi",
    greeting: "Murojaat",
    duplicate: "Boshqalarniki bilan bir xil",
    injection: "Buyruqqa oʻxshaydi",
  },
  past: {
    created: "Yozildi",
    submitted: "Tasdiqqa berildi",
    edited: "Tahrirlandi",
    rescheduled: "Vaqti oʻzgardi",
    invalidated: "Tasdiq bekor boʻldi",
    approved: "Tasdiqlandi",
    rejected: "Rad etildi",
    claimed: "Ishga olindi",
    begun: "Urinish boshlandi",
    postponed: "Keyinga surildi",
    released: "Qaytarib berildi",
    sent: "Yuborildi",
    failed: "Yuborilmadi",
    deferred: "Provayder keyinga surdi",
    uncertain: "Shubhada",
    repeated: "Oʻsha kalit bilan yana yuborildi",
    suspected: "Tiklashdan keyin shubhada",
    confirmed_sent: "Yuborilgani tasdiqlandi",
    confirmed_failed: "Yuborilmagani tasdiqlandi",
    resolved_sent: "Hal qilindi: yuborilgan",
    resolved_resend: "Hal qilindi: yana yuborilsin",
    resolved_failed: "Hal qilindi: boshqa yuborilmaydi",
    delivered: "Yetib bordi",
    bounced: "Qaytib keldi",
    retried: "Yana urinildi",
    cancelled: "Bekor qilindi",
    expired: "Kechikdi",
    deleted: "Oʻchirildi",
    reopened: "Qaror qaytarildi",
  },
  page: {
    about: "Xabar haqida",
    campaign: "Kampaniya",
    occasion: "Sabab",
    channel: "Kanal",
    address: "Manzil",
    writtenBy: "Matnni yozgan",
    model: "Model",
    person: "Inson yoki andoza",
    cost: "Matn narxi",
    created: "Yaratildi",
    approved: "Tasdiqlandi",
    leaves: "Eng erta",
    until: "Kechi bilan",
    sent: "Yuborildi",
    why: "Nega",
    text: "Matn",
    history: "Tarix",
    reason: "Sababi: {reason}",
    version: "{n}-versiya",
    chain: "Muhrlangan: {hash}",
    chainWaits: "Hali muhrlanmagan",
    worker: "ijrochi",
    attempts: "Yetkazish",
    attempt: "{n}-urinish",
    noAttempts: "Provayderga hozircha hech narsa berilmagan.",
    outcome: "Natija",
    providerId: "Provayderdagi raqami",
    receipts: "Xabarnomalar",
    decide: "Qaror qilish",
  },
  outcome: {
    accepted: "Provayder qabul qildi",
    dead: "Manzil ishlamaydi",
    rejected: "Rad etildi",
    retry_after: "Qabul qilinmadi, yana urinib koʻriladi",
    stop: "Qabul qilinmadi, kanal dam olmoqda",
    unknown: "Hech kim bilmaydi",
    open: "Kutilmoqda",
  },
  fate: { accepted: "Qabul qilindi", failed: "Yetib bormadi", delivered: "Yetib bordi", read: "Oʻqildi" },
  resolve: {
    title: "Ketgan-ketmagani nomaʼlum",
    body: "Provayderning javobi yoʻqoldi. Xabarnoma kelguncha yoki kimdir hal qilguncha xabar muzlatilgan. Avval provayderdan koʻring.",
    sent: "Yuborilgan",
    sentHint: "Uni provayderda koʻrdingiz yoki u oluvchida bor.",
    resend: "Yana yuborish",
    resendHint: "Oluvchi uni ikki marta olishi mumkin.",
    failed: "Boshqa yubormaslik",
    failedHint: "U qayta yuborilmaydi.",
    reason: "Buni qayerdan bilasiz",
    askSent: "Yuborilgan deb belgilansinmi?",
    askResend: "Yana yuborilsinmi?",
    askFailed: "Boshqa yuborilmasinmi?",
    warnSent: "U boshqa hech qachon yuborilmaydi. Buni qaytarib boʻlmaydi.",
    warnResend: "Birinchi urinish yetib borgan boʻlsa, {name} bir xabarni ikki marta oladi.",
    warnFailed: "Yetib bormagan boʻlsa, {name} uni bu yerdan boshqa olmaydi.",
    done: "Hal qilindi.",
  },
};

export const uzCyrl: MessagesWords = {
  list: {
    title: "Хабарлар",
    nav: "Хабарлар",
    who: "Кимга",
    status: "Ҳолат",
    text: "Матн",
    channel: "Канал",
    changed: "Ўзгарган",
    all: "Ҳаммаси",
    empty: "Ҳозирча хабар йўқ",
    emptyHint: "Уларни кампаниялар тайёрлайди, ҳар бири тасдиқни кутади.",
    emptyFiltered: "Бундай ҳолатдаги хабар йўқ",
    back: "Барча хабарлар",
    by: "{who}",
  },
  status: {
    draft: "Қоралама",
    pending_approval: "Тасдиқ кутмоқда",
    approved: "Тасдиқланган",
    claimed: "Ҳозир кетади",
    sending: "Юборилмоқда",
    sent: "Юборилди",
    delivered: "Етиб борди",
    failed: "Юборилмади",
    uncertain: "Номаълум",
    rejected: "Рад этилган",
    cancelled: "Бекор қилинган",
    expired: "Кечиккан",
  },
  severity: { notice: "Эслатма", warning: "Огоҳлантириш", blocking: "Тўсади" },
  rule: {
    length: "Узунлик",
    parts: "SMS қисмлари",
    placeholder: "Тўлдирилмаган жой",
    language: "Тил",
    number: "Ҳеч ким бермаган сон",
    name: "Ҳеч ким бермаган исм",
    link: "Ҳавола",
    banned_term: "Тақиқланган сўз",
    personal_data: "Бошқанинг маълумоти",
    instructions: "Моделнинг гапи",
    greeting: "Мурожаат",
    duplicate: "Бошқаларники билан бир хил",
    injection: "Буйруққа ўхшайди",
  },
  past: {
    created: "Ёзилди",
    submitted: "Тасдиққа берилди",
    edited: "Таҳрирланди",
    rescheduled: "Вақти ўзгарди",
    invalidated: "Тасдиқ бекор бўлди",
    approved: "Тасдиқланди",
    rejected: "Рад этилди",
    claimed: "Ишга олинди",
    begun: "Уриниш бошланди",
    postponed: "Кейинга сурилди",
    released: "Қайтариб берилди",
    sent: "Юборилди",
    failed: "Юборилмади",
    deferred: "Провайдер кейинга сурди",
    uncertain: "Шубҳада",
    repeated: "Ўша калит билан яна юборилди",
    suspected: "Тиклашдан кейин шубҳада",
    confirmed_sent: "Юборилгани тасдиқланди",
    confirmed_failed: "Юборилмагани тасдиқланди",
    resolved_sent: "Ҳал қилинди: юборилган",
    resolved_resend: "Ҳал қилинди: яна юборилсин",
    resolved_failed: "Ҳал қилинди: бошқа юборилмайди",
    delivered: "Етиб борди",
    bounced: "Қайтиб келди",
    retried: "Яна уринилди",
    cancelled: "Бекор қилинди",
    expired: "Кечикди",
    deleted: "Ўчирилди",
    reopened: "Қарор қайтарилди",
  },
  page: {
    about: "Хабар ҳақида",
    campaign: "Кампания",
    occasion: "Сабаб",
    channel: "Канал",
    address: "Манзил",
    writtenBy: "Матнни ёзган",
    model: "Модель",
    person: "Инсон ёки андоза",
    cost: "Матн нархи",
    created: "Яратилди",
    approved: "Тасдиқланди",
    leaves: "Энг эрта",
    until: "Кечи билан",
    sent: "Юборилди",
    why: "Нега",
    text: "Матн",
    history: "Тарих",
    reason: "Сабаби: {reason}",
    version: "{n}-версия",
    chain: "Муҳрланган: {hash}",
    chainWaits: "Ҳали муҳрланмаган",
    worker: "ижрочи",
    attempts: "Етказиш",
    attempt: "{n}-уриниш",
    noAttempts: "Провайдерга ҳозирча ҳеч нарса берилмаган.",
    outcome: "Натижа",
    providerId: "Провайдердаги рақами",
    receipts: "Хабарномалар",
    decide: "Қарор қилиш",
  },
  outcome: {
    accepted: "Провайдер қабул қилди",
    dead: "Манзил ишламайди",
    rejected: "Рад этилди",
    retry_after: "Қабул қилинмади, яна уриниб кўрилади",
    stop: "Қабул қилинмади, канал дам олмоқда",
    unknown: "Ҳеч ким билмайди",
    open: "Кутилмоқда",
  },
  fate: { accepted: "Қабул қилинди", failed: "Етиб бормади", delivered: "Етиб борди", read: "Ўқилди" },
  resolve: {
    title: "Кетган-кетмагани номаълум",
    body: "Провайдернинг жавоби йўқолди. Хабарнома келгунча ёки кимдир ҳал қилгунча хабар музлатилган. Аввал провайдердан кўринг.",
    sent: "Юборилган",
    sentHint: "Уни провайдерда кўрдингиз ёки у олувчида бор.",
    resend: "Яна юбориш",
    resendHint: "Олувчи уни икки марта олиши мумкин.",
    failed: "Бошқа юбормаслик",
    failedHint: "У қайта юборилмайди.",
    reason: "Буни қаердан биласиз",
    askSent: "Юборилган деб белгилансинми?",
    askResend: "Яна юборилсинми?",
    askFailed: "Бошқа юборилмасинми?",
    warnSent: "У бошқа ҳеч қачон юборилмайди. Буни қайтариб бўлмайди.",
    warnResend: "Биринчи уриниш етиб борган бўлса, {name} бир хабарни икки марта олади.",
    warnFailed: "Етиб бормаган бўлса, {name} уни бу ердан бошқа олмайди.",
    done: "Ҳал қилинди.",
  },
};
